default_scope = 'ga2mm'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The last checkpoint is the one to test: choosing by test accuracy would be peeking.
    checkpoint=dict(
        type='WholeCheckpointHook',
        interval=1,
        # A second one, should the last turn out damaged.
        max_keep_ckpts=2,
        save_last=True,
        backend_args=dict(backend='atomic_local')),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    sync_buffers=dict(type='SyncBuffersHook'),
    # Ours. They stand here and not in custom_hooks, so that a list of custom hooks does not remove them.
    checkpoint_safety=dict(type='CheckpointSafetyHook'),
    class_names=dict(type='ClassNamesHook'),
    epoch_seed=dict(type='EpochSeedHook'),
    finite=dict(type='FiniteHook'),
    same_schedule=dict(type='SameScheduleHook'),
    unreadable_videos=dict(type='UnreadableVideosHook'))

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # Seconds that a process waits for another that does not answer, before all of them end. More than a slow
    # disk's first batch, and than what the main process does alone takes: saving, or gathering a test's scores.
    dist_cfg=dict(backend='nccl', timeout=1800))

log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='ActionVisualizer', vis_backends=vis_backends)

log_level = 'INFO'
load_from = None
resume = False
