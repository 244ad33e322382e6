# Something-Something v2, all classes.
_base_ = '../datasets/ssv2_32x224.py'

data_root = 'data/sthv2/'
test_dataloader = dict(
    ssv2=dict(
        **_base_.test_loader,
        dataset=dict(
            **_base_.test_dataset,
            ann_file=data_root + 'few_shot/val1.txt',
            label_map=data_root + 'labels/ssv2_labels.csv',
            split='all',
            data_prefix=dict(video=data_root + 'videos'))))
