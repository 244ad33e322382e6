# UCF101, all classes, the test lists of its three official splits.
_base_ = '../datasets/video_32x224.py'

data_root = 'data/ucf101/'
test_dataloader = dict(ucf101=[
    dict(
        **_base_.test_loader,
        dataset=dict(
            **_base_.test_dataset,
            ann_file=f'{data_root}few_shot/val{split}.txt',
            label_map=data_root + 'labels/ucf_101_labels.csv',
            split='all',
            data_prefix=dict(video=data_root + 'videos')))
    for split in (1, 2, 3)
])
