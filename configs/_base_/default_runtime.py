default_scope = 'ga2mm'

default_hooks = dict(
    runtime_info=dict(type='DeferredInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Test the last checkpoint: selection by test accuracy would be biased.
    checkpoint=dict(
        type='WholeCheckpointHook',
        interval=1,
        # Two, in case the last one is damaged.
        max_keep_ckpts=2,
        save_last=True,
        backend_args=dict(backend='atomic_local')),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    sync_buffers=dict(type='SyncBuffersHook'),
    # Hooks of ga2mm. They are not in custom_hooks, so that a list of custom hooks does not remove them.
    anchor_calibration=dict(type='AnchorCalibrationHook'),
    checkpoint_safety=dict(type='CheckpointSafetyHook'),
    class_names=dict(type='ClassNamesHook'),
    epoch_seed=dict(type='EpochSeedHook'),
    finite=dict(type='FiniteHook'),
    same_schedule=dict(type='SameScheduleHook'),
    unreadable_videos=dict(type='UnreadableVideosHook'))

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # Timeout in seconds for a process that does not respond; then all processes end. It must exceed the first
    # batch on a slow disk, and the work of the main process alone: saving, or gathering test scores.
    dist_cfg=dict(backend='nccl', timeout=1800))

log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='ActionVisualizer', vis_backends=vis_backends)

log_level = 'INFO'
load_from = None
resume = False
