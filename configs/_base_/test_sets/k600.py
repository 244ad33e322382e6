# Kinetics-600, three draws of 160 of the 220 classes that are not in Kinetics-400. For tools/test.py
# --test-sets. To write the lists: python tools/data/make_splits.py k600 ...
_base_ = '../videos.py'
globals().update(_base_.pop('videos')['k600_source'])

test_dataloader = dict(k600=[
    dict(
        _base_.test_loader,
        dataset=dict(
            test_dataloader['all'].dataset,
            ann_file=f'{data_root}zero_shot/split{split}.txt',
            label_map=f'{data_root}labels/zero_shot_split{split}.csv'))
    for split in (1, 2, 3)
])
