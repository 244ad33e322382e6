# Base-to-novel: 12 epochs, 2 of them linear warm-up, learning rate 4e-2 for 64 clips a step.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12)
test_cfg = dict(type='ProtocolTestLoop')

# betas and the last rate as in ViFi-CLIP, which the released code builds on.
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=4e-2, betas=(0.9, 0.98), weight_decay=1e-3))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=2, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=10,
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=2,
        end=12,
        convert_to_iter_based=True),
]

# The rates were published for 8 clips on each of 8 GPUs. They are scaled linearly with the real number of
# labelled clips a step (GPUs x train_dataloader.batch_size); set enable=False to use them as they are.
auto_scale_lr = dict(enable=True, base_batch_size=64)
