# Where the hyperparameters of the miniature configs come from: validation draws, one seed.
title = 'Miniature benchmark, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103, 104])]
datasets = {'mild': dict(env=dict(GA2MM_STYLE='mild'))}
methods = {
    'zero-shot CLIP': dict(config='../ga2/miniature_zero_shot.py', learns=False),
    **{
        f'{name}, learning rate {rate:g}': dict(
            config=f'../ga2/miniature_{file}.py', options={'optim_wrapper.optimizer.lr': rate}, value=rate)
        for name, file in [('deep prompts', 'deep_prompts'), ('coupled prompts', 'coupled')]
        for rate in [1e-2, 3e-2]
    },
    **{
        f'GA2-CLIP, weight {weight:g}, learning rate {rate:g}': dict(
            config='../ga2/miniature_ga2.py',
            options={'optim_wrapper.optimizer.lr': rate, 'model.anchors.strategies.0.weight': weight},
            value=weight)
        for rate in [1e-2, 3e-2]
        for weight in [1.0, 3.0, 10.0]
    },
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(GA2MM_STYLE='{GA2MM_STYLE}'))
baseline = 'deep prompts, learning rate 0.01'
draws = [100, 101, 102, 103, 104]
seeds = [0]
