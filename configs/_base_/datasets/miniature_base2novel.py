# Miniature world, base-to-novel: tuned on 16 clips of each of 12 base classes, tested on them and on 12 novel
# classes. GA2MM_DRAW chooses the classes; GA2MM_TRAIN_LIST=base_train_4.txt has 4 clips of each (or 2, 8).
_base_ = './miniature_4x32.py'

dataset_root = _base_.data_root + 'draw{{$GA2MM_DRAW:0}}/'
videos = dict(video=dataset_root + 'videos')
base_labels = dataset_root + 'base_labels.csv'
novel_labels = dataset_root + 'novel_labels.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=dataset_root + '{{$GA2MM_TRAIN_LIST:base_train.txt}}',
    label_map=base_labels,
    split='base',
    data_prefix=videos)
base_val = dict(
    **_base_.test_dataset,
    ann_file=dataset_root + 'base_val.txt',
    label_map=base_labels,
    split='base',
    data_prefix=videos)
base_test = dict(
    **_base_.test_dataset,
    ann_file=dataset_root + 'base_test.txt',
    label_map=base_labels,
    split='base',
    data_prefix=videos)
novel_test = dict(
    **_base_.test_dataset,
    ann_file=dataset_root + 'novel_test.txt',
    label_map=novel_labels,
    split='novel',
    data_prefix=videos)

train_dataloader = dict(dataset=train_dataset)
val_dataloader = dict(**_base_.test_loader, dataset=base_val)
test_dataloader = dict(
    base=dict(**_base_.test_loader, dataset=base_test),
    novel=dict(**_base_.test_loader, dataset=novel_test))
