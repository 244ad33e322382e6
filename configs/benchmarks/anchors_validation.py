# Anchors of other sources, numbers and losses: validation draws, one seed. Each method is GA2-CLIP with one
# change.
#   python tools/run_protocol.py configs/benchmarks/anchors_validation.py
# Measured: docs/anchors.md.
_base_ = './miniature.py'

title = 'Anchors, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103])]
_consistency = dict(type='FeatureConsistency', weight=30.0)
methods = {
    'coupled prompts': dict(config='../ga2/miniature_coupled.py'),
    'deep prompts, averaged with frozen': dict(
        config='../ga2/miniature_deep_prompts.py',
        trained_as='deep prompts',
        options={'model.test_cfg.frozen_share': 0.5}),
    **{
        name: dict(config='../ga2/miniature_ga2.py', options=options)
        for name, options in {
            'weight 1': {'model.anchors.strategies.0.weight': 1.0},
            'weight 10': {'model.anchors.strategies.0.weight': 10.0},
            'dropout 0.5': {'model.cls_head.coupling.dropout': 0.5},
            '16 anchors a step': {'train_dataloader.batch_sampler.num_anchors': 16},
            'one negative': {'model.anchors.negatives.names': ['something else']},
            'attributes as negatives': {'model.anchors.negatives': dict(_delete_=True, bank='miniature')},
            'plus distribution consistency': {
                'model.anchors.strategies': [_consistency, dict(type='DistributionConsistency')]
            },
            'plus self-consistency': {'model.losses': [dict(type='SelfConsistency', weight=0.3)]},
        }.items()
    },
    **{
        f'{name}, weight {weight:g}': dict(
            config=f'../ga2/miniature_{base}.py',
            options={f'model.{key}': [dict(type=objective, weight=weight)]})
        for name, base, key, objective, weights in [
            ('self-consistency', 'coupled', 'losses', 'SelfConsistency', [0.5, 1.0]),
            ('distribution consistency', 'ga2', 'anchors.strategies', 'DistributionConsistency', [0.3, 1.0]),
            ('joint softmax', 'ga2', 'anchors.strategies', 'JointSoftmax', [0.1]),
            ('margin', 'ga2', 'anchors.strategies', 'Margin', [1.0]),
        ]
        for weight in weights
    },
    **{
        f'{source.replace("_dataset", " dataset as")} anchors': dict(
            config='../ga2/miniature_ga2.py', env=dict(GA2MM_ANCHORS=source))
        for source in ('noise', 'shuffled_patches', 'blurred', 'mixed', 'other_dataset')
    },
}
datasets = dict(strong=None)
baseline = ['deep prompts', 'GA2-CLIP']
draws = [100, 101, 102, 103]
seeds = [0]
