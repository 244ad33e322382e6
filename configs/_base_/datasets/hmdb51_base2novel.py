# HMDB51, base-to-novel: tuned on 16 clips of each base class, tested on base and novel classes.
# For other lists: GA2MM_TRAIN_LIST=base2novel/fs_base_s2_train.txt tools/dist_train.sh ...
# Lists of `path label` lines and label maps as ViFi-CLIP publishes them, put under data_root.
_base_ = './video_32x224.py'

data_root = 'data/hmdb51/'
videos = dict(video=data_root + 'videos')
base_labels = data_root + 'labels/hmdb_51_base_labels.csv'
novel_labels = data_root + 'labels/hmdb_51_novel_labels.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=data_root + '{{$GA2MM_TRAIN_LIST:base2novel/fs_base_s1_train.txt}}',
    label_map=base_labels,
    split='base',
    data_prefix=videos)
base_test = dict(
    **_base_.test_dataset,
    ann_file=data_root + 'base2novel/base_val.txt',
    label_map=base_labels,
    split='base',
    data_prefix=videos)
novel_test = dict(
    **_base_.test_dataset,
    ann_file=data_root + 'base2novel/novel_val.txt',
    label_map=novel_labels,
    split='novel',
    data_prefix=videos)

train_dataloader = dict(dataset=train_dataset)
test_dataloader = dict(
    base=dict(**_base_.test_loader, dataset=base_test),
    novel=dict(**_base_.test_loader, dataset=novel_test))
