# Which anchor strategy, with which weight: validation draws, one seed.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Anchor strategies, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103])]
methods = {
    'GA2-CLIP': None,
    **{
        f'{name}, weight {weight:g}': dict(
            config='../ga2/miniature_ga2.py',
            options={'model.anchors.strategies': [dict(type=name, weight=weight)]},
            series=name,
            value=weight)
        for name, weights in {
            'FeatureConsistency': [3.0],
            'DistributionConsistency': [0.3, 1.0, 3.0],
            'JointSoftmax': [0.1],
            'Margin': [1.0],
        }.items()
        for weight in weights
    },
    **{
        # On the training clips themselves, as PromptSRC does; it sees no anchors.
        f'SelfConsistency, weight {weight:g}': dict(
            config='../ga2/miniature_ga2.py',
            options={
                'model.anchors': dict(_delete_=True, strategies=[dict(type='SelfConsistency', weight=weight)]),
                'train_dataloader.batch_sampler.num_anchors': 0,
            },
            series='SelfConsistency',
            value=weight)
        for weight in [0.3, 1.0]
    },
}
draws = [100, 101, 102, 103]
