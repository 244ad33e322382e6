# Kinetics-400, all classes.
_base_ = '../datasets/video_32x224.py'

data_root = 'data/kinetics400/'
test_dataloader = dict(
    k400=dict(
        **_base_.test_loader,
        dataset=dict(
            **_base_.test_dataset,
            ann_file=data_root + 'few_shot/val1.txt',
            label_map=data_root + 'labels/kinetics_400_labels.csv',
            split='all',
            data_prefix=dict(video=data_root + 'videos'))))
