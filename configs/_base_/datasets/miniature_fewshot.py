# Miniature world, few-shot: tuned and tested on all 24 classes of a draw, with 16 clips of each. GA2MM_DRAW
# chooses the classes; GA2MM_TRAIN_LIST=all_train_4.txt has 4 clips of each (or 2, 8).
_base_ = './miniature_4x32.py'

dataset_root = _base_.data_root + 'draw{{$GA2MM_DRAW:0}}/'
videos = dict(video=dataset_root + 'videos')
labels = dataset_root + 'all_labels.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=dataset_root + '{{$GA2MM_TRAIN_LIST:all_train.txt}}',
    label_map=labels,
    split='all',
    data_prefix=videos)
# Held-out clips of the base classes, among all classes.
all_val = dict(
    **_base_.test_dataset,
    ann_file=dataset_root + 'base_val.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)
all_test = dict(
    **_base_.test_dataset,
    ann_file=dataset_root + 'all_test.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)

train_dataloader = dict(dataset=train_dataset)
val_dataloader = dict(**_base_.test_loader, dataset=all_val)
test_dataloader = dict(all=dict(**_base_.test_loader, dataset=all_test))
