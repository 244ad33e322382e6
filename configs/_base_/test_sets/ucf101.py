# UCF101, all classes, the test lists of its three official splits. For tools/test.py --test-sets.
_base_ = '../videos.py'
globals().update(_base_.pop('videos')['ucf101_fewshot'])

test_dataloader = dict(ucf101=[
    dict(
        _base_.test_loader,
        dataset=dict(test_dataloader['all'].dataset, ann_file=f'{data_root}few_shot/val{split}.txt'))
    for split in (1, 2, 3)
])
