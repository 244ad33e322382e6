# Miniature world, downstream dataset a: 12 base classes with 16 clips each, 12 novel classes.
_base_ = './miniature_4x32.py'

dataset_root = _base_.data_root + 'draw0/'
videos = dict(video=dataset_root + 'videos')
base_labels = dataset_root + 'base_labels.csv'
novel_labels = dataset_root + 'novel_labels.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=dataset_root + 'base_train.txt',
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
