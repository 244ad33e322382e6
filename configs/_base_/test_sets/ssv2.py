# Something-Something v2, all classes. For tools/test.py --test-sets.
_base_ = '../videos.py'
globals().update(_base_.pop('videos')['ssv2_fewshot'])

test_dataloader = dict(ssv2=test_dataloader['all'])
