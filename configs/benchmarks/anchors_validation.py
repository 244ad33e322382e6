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
            'weight 10': {'model.anchors.strategies.0.weight': 10.0},
            'weight 100': {'model.anchors.strategies.0.weight': 100.0},
            'dropout 0.5': {'model.cls_head.coupling.dropout': 0.5},
            '16 anchors a step': {'train_dataloader.batch_sampler.num_anchors': 16},
            'one negative': {'model.anchors.negatives.names': ['something else']},
            'attributes as negatives': {'model.anchors.negatives': dict(_delete_=True, bank='miniature')},
            'classes of the source dataset as negatives': {
                'model.anchors.negatives': dict(_delete_=True, file='data/miniature/mild/source/labels.csv')
            },
            'plus distribution consistency': {
                'model.anchors.strategies': [_consistency, dict(type='DistributionConsistency')]
            },
            'plus self-consistency': {'model.losses': [dict(type='SelfConsistency', weight=0.3)]},
        }.items()
    },
    'self-consistency': dict(config='../ga2/miniature_self_consistency.py'),
    **{
        f'{name}, weight {weight:g}': dict(
            config='../ga2/miniature_ga2.py',
            options={'model.anchors.strategies': [dict(type=strategy, weight=weight)]})
        for name, strategy, weights in [
            ('distribution consistency', 'DistributionConsistency', [1.0, 3.0]),
            ('joint softmax', 'JointSoftmax', [0.1]),
            ('margin', 'Margin', [1.0]),
        ]
        for weight in weights
    },
    **{
        f'{source.replace("_dataset", " dataset as")} anchors': dict(
            config='../ga2/miniature_ga2.py', env=dict(GA2MM_ANCHORS=source))
        for source in ('noise', 'shuffled_patches', 'blended_patches', 'blurred', 'mixed', 'pasted_centre', 'other_dataset')
    },
    **{
        idea.replace('_', ' '): dict(config='../ga2/miniature_attribute_anchors.py', env=dict(GA2MM_IDEA=idea))
        for idea in (
            'attributes', 'attributes_and_irrelevant', 'coloured_classes', 'source_and_irrelevant', 'mixture',
            'curriculum', 'drift')
    },
}
datasets = dict(strong=None)
baseline = ['deep prompts', 'GA2-CLIP']
draws = [100, 101, 102, 103]
seeds = [0]
