# Kinetics-400, all classes. For tools/test.py --test-sets.
_base_ = '../videos.py'
globals().update(_base_.pop('videos')['k400_fewshot'])

test_dataloader = dict(k400=test_dataloader['all'])
