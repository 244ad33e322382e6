# Kinetics-600, 16 clips of each of 100 classes that are not in Kinetics-400: the source of the hard prompt
# and the anchors of the Kinetics-400 configs. The release takes the first 100 by alphabet.
_base_ = './video_32x224.py'

data_root = 'data/kinetics600/'
videos = dict(video=data_root + 'videos')
labels = data_root + 'labels/not_in_kinetics400.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=data_root + 'annotations/not_in_kinetics400.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)
all_test = dict(
    **_base_.test_dataset,
    ann_file=data_root + 'annotations/not_in_kinetics400_val.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)

train_dataloader = dict(dataset=train_dataset)
test_dataloader = dict(all=dict(**_base_.test_loader, dataset=all_test))
