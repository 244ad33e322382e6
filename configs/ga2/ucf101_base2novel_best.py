# As ucf101_base2novel.py, but validated after each epoch on held-out training videos of the base classes, which
# tools/data/make_splits.py lists. The best epoch is kept as best_acc_top1_*.pth.
_base_ = './ucf101_base2novel.py'

train_cfg = dict(val_interval=1)
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ActionVideoDataset',
        ann_file='data/ucf101/base2novel/base_holdout.txt',
        label_map='data/ucf101/labels/ucf_101_base_labels.csv',
        split='base',
        data_prefix=dict(video='data/ucf101/videos'),
        pipeline={{_base_.test_pipeline}},
        test_mode=True))
val_evaluator = dict(type='Accuracy')
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
