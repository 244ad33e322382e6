# The miniature world: 12 epochs of 12 steps, learning rate 1e-2 for 16 clips a step.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=12)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='ProtocolTestLoop')

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-2, weight_decay=1e-3))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=11, by_epoch=True, begin=1, end=12, convert_to_iter_based=True),
]

# Not scaled: these rates were chosen for 16 clips a step, however many processes share them.
auto_scale_lr = dict(enable=False, base_batch_size=16)
