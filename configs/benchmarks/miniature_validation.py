# Selection of the hyperparameters of the miniature configs: validation draws, one seed.
#   python tools/run_protocol.py configs/benchmarks/miniature_validation.py
# Measured: docs/miniature.md.
_base_ = './miniature.py'

title = 'Miniature benchmark, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103, 104])]
methods = {
    'deep prompts': None,
    'coupled prompts': None,
    'GA2-CLIP': None,
    **{
        f'{name}, learning rate {rate:g}': dict(
            config=f'../ga2/miniature_{file}.py',
            options={'optim_wrapper.optimizer.lr': rate},
            series=f'{name}, by learning rate',
            value=rate)
        for name, file in [('deep prompts', 'deep_prompts'), ('coupled prompts', 'coupled')]
        for rate in [1e-2, 3e-2]
    },
    **{
        f'GA2-CLIP, weight {weight:g}, learning rate {rate:g}': dict(
            config='../ga2/miniature_ga2.py',
            options={'optim_wrapper.optimizer.lr': rate, 'model.anchors.strategies.0.weight': weight},
            series=f'GA2-CLIP, learning rate {rate:g}, by weight',
            value=weight)
        for rate in [1e-2, 3e-2]
        for weight in [1.0, 3.0, 10.0]
    },
}
datasets = dict(strong=None)
baseline = 'deep prompts, learning rate 0.01'
draws = [100, 101, 102, 103, 104]
seeds = [0]
