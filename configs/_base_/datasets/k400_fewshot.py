# Kinetics-400, few-shot: tuned and tested on all classes, with 16 clips of each.
# For other lists: GA2MM_TRAIN_LIST=few_shot/train1_few_shot_4.txt tools/dist_train.sh ...
# Lists of `path label` lines and label maps as ViFi-CLIP publishes them, put under data_root.
_base_ = './video_32x224.py'

data_root = 'data/kinetics400/'
videos = dict(video=data_root + 'videos')
labels = data_root + 'labels/kinetics_400_labels.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=data_root + '{{$GA2MM_TRAIN_LIST:few_shot/train1_few_shot_16.txt}}',
    label_map=labels,
    split='all',
    data_prefix=videos)
all_test = dict(
    **_base_.test_dataset,
    ann_file=data_root + 'few_shot/val1.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)
anchor_dataset = dict(
    ann_file='data/kinetics600/annotations/not_in_kinetics400.txt',
    data_prefix=dict(video='data/kinetics600/videos'))

train_dataloader = dict(dataset=train_dataset)
test_dataloader = dict(all=dict(**_base_.test_loader, dataset=all_test))
