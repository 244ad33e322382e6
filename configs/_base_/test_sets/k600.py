# Kinetics-600, three draws of 160 of the 220 classes that are not in Kinetics-400.
# Written by: python tools/data/make_splits.py k600 ...
_base_ = '../datasets/video_32x224.py'

data_root = 'data/kinetics600/'
test_dataloader = dict(k600=[
    dict(
        **_base_.test_loader,
        dataset=dict(
            **_base_.test_dataset,
            ann_file=f'{data_root}zero_shot/split{split}.txt',
            label_map=f'{data_root}labels/zero_shot_split{split}.csv',
            split='all',
            data_prefix=dict(video=data_root + 'videos')))
    for split in (1, 2, 3)
])
