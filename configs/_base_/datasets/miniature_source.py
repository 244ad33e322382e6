# Miniature world, source dataset: 20 classes that no downstream dataset has, to learn the hard prompt on.
_base_ = './miniature_4x32.py'

dataset_root = _base_.data_root + 'source/'
videos = dict(video=dataset_root + 'videos')
labels = dataset_root + 'labels.csv'

train_dataset = dict(
    **_base_.train_dataset,
    ann_file=dataset_root + 'train.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)
all_test = dict(
    **_base_.test_dataset,
    ann_file=dataset_root + 'test.txt',
    label_map=labels,
    split='all',
    data_prefix=videos)

train_dataloader = dict(dataset=train_dataset)
val_dataloader = dict(**_base_.test_loader, dataset=all_test)
test_dataloader = dict(all=dict(**_base_.test_loader, dataset=all_test))
