# Temporal models instead of the mean over frames, with IVLP's prompts and without prompts: five validation
# draws of the mild style, with the same budget. Training multiplies in bfloat16.
#   python tools/run_protocol.py configs/benchmarks/temporal_validation.py
# Measured: docs/temporal.md.
_base_ = './miniature.py'

title = 'Temporal models on the miniature world, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103, 104])]
_bfloat16 = {'optim_wrapper.type': 'BFloat16OptimWrapper'}
_ivlp = dict(config='../zoo/miniature.py', env=dict(GA2MM_METHOD='ivlp'))
_transformer = {'model.temporal': dict(type='TemporalTransformer', layers=2, max_frames=4)}
_attention = {'model.temporal': dict(type='ClassGuidedAttention')}
methods = {
    'deep prompts': None,  # IVLP from a random start
    'coupled prompts': None,
    'GA2-CLIP': None,
    'IVLP': dict(**_ivlp, options=_bfloat16),
    'zero-shot CLIP, ClassGuidedAttention': dict(
        config='../ga2/miniature_zero_shot.py', learns=False, options=_attention),
    **{
        f'IVLP, {name}': dict(**_ivlp, options={**_bfloat16, **options})
        for name, options in {
            'ClassGuidedAttention': _attention,
            'TemporalTransformer': _transformer,
            'TemporalTransformer at 0.1 of the rate': {
                **_transformer, 'optim_wrapper.paramwise_cfg': dict(custom_keys=dict(temporal=dict(lr_mult=0.1)))},
        }.items()
    },
}
datasets = dict(strong=None)
baseline = 'IVLP'
draws = [100, 101, 102, 103, 104]
