# Few-shot: 30 epochs, 5 of them linear warm-up, learning rate 8e-3 for 64 clips a step.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30)
test_cfg = dict(type='ProtocolTestLoop')

# betas and the last rate as in ViFi-CLIP, which the released code builds on.
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=8e-3, betas=(0.9, 0.98), weight_decay=1e-3))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=25,
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=5,
        end=30,
        convert_to_iter_based=True),
]

# The rates were published for 8 clips on each of 8 GPUs. They are scaled linearly with the real number of
# labelled clips a step (GPUs x train_dataloader.batch_size); set enable=False to use them as they are.
auto_scale_lr = dict(enable=True, base_batch_size=64)
