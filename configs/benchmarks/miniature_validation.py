# Learning rates and weights of the miniature configs: eight validation draws of the mild style. One rule for
# all methods: the setting with the best HM. Coupled prompts take the rate of deep prompts.
#   python tools/run_protocol.py configs/benchmarks/miniature_validation.py
# Measured: docs/experiments/miniature_validation.md.
_base_ = './miniature.py'

title = 'Learning rates and weights on the miniature world, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103, 104, 105, 106, 107])]
_rate, _loss, _strategy = 'optim_wrapper.optimizer.lr', 'model.losses.0.weight', 'model.anchors.strategies.0.weight'
methods = {
    'deep prompts': None,
    'coupled prompts': None,
    'GA2-CLIP': None,
    **{
        f'deep prompts, rate {rate:g}': dict(
            config='../ga2/miniature_deep_prompts.py',
            options={_rate: rate},
            series='deep prompts, by rate',
            value=rate)
        for rate in [3e-4, 1e-3, 3e-3, 1e-2]
    },
    **{
        f'{name}, weight {weight:g}, rate {rate:g}': dict(
            config=f'../ga2/miniature_{file}.py',
            options={_rate: rate, key: weight},
            series=f'{name}, rate {rate:g}, by weight',
            value=weight)
        for name, file, key, weights in [
            ('self-consistency', 'self_consistency', _loss, [0.5, 1.0, 2.0]),
            ('GA2-CLIP', 'ga2', _strategy, [3.0, 10.0, 30.0]),
        ]
        for rate in [1e-3, 1e-2]
        for weight in weights
    },
}
datasets = dict(strong=None)
baseline = 'deep prompts, rate 0.001'
draws = [100, 101, 102, 103, 104, 105, 106, 107]
