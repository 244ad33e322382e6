# Like ucf101_base2novel.py, with validation after each epoch on held-out training videos of the base classes,
# which tools/data/make_splits.py lists. The best epoch is saved as best_acc_top1_*.pth.
#   tools/dist_train.sh configs/ga2/ucf101_base2novel_best.py 8
_base_ = './ucf101_base2novel.py'

train_cfg = dict(val_interval=1)
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        _base_.test_dataloader.base.dataset,
        ann_file='data/ucf101/base2novel/base_holdout.txt'))
val_evaluator = dict(type='Accuracy')
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
