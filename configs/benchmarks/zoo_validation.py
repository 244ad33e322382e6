# Learning rates of the prompt learners of configs/zoo, with and without GA2-CLIP's hard prompt and anchors, and
# a lower weight for methods without vision prompts: four validation draws of the mild style, by the rule of
# miniature_validation.py.
#   python tools/run_protocol.py configs/benchmarks/zoo_validation.py
# Measured: docs/experiments/zoo_validation.md.
_base_ = './miniature.py'

title = 'Learning rates and weights of the prompt learners on the miniature world, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103])]
_learners = {
    'CoOp': 'coop',
    'CoCoOp': 'cocoop',
    'VPT-Shallow': 'vpt_shallow',
    'VPT-Deep': 'vpt_deep',
    'IVLP': 'ivlp',
    'MaPLe': 'maple',
    'PromptSRC': 'promptsrc',
    'AttriPrompt': 'attriprompt',
}
methods = {
    'deep prompts': None,
    'coupled prompts': None,
    'GA2-CLIP': None,
    **{
        f'{name}{plus}, rate {rate:g}': dict(
            config=f'../zoo/{config}.py',
            env=dict(GA2MM_METHOD=method),
            options={
                'optim_wrapper.optimizer.lr': rate,
                **weight
            },
            series=f'{name}{plus}, by rate',
            value=rate)
        for name, method in _learners.items()
        for plus, config, weight in [
            ('', 'miniature', {}),
            (' + GA2', 'miniature_plus_ga2', {'model.anchors.strategies.0.weight': 30.0}),
        ]
        for rate in [1e-3, 1e-2]
    },
    # Without prompts in the vision tower, the plug-in constrains the text prompts alone.
    **{
        f'{name} + GA2, weight 3, rate 0.01': dict(
            config='../zoo/miniature_plus_ga2.py',
            env=dict(GA2MM_METHOD=_learners[name]),
            options={
                'optim_wrapper.optimizer.lr': 1e-2,
                'model.anchors.strategies.0.weight': 3.0
            })
        for name in ('CoOp', 'CoCoOp', 'AttriPrompt')
    },
}
datasets = dict(strong=None)
baseline = 'zero-shot CLIP'
draws = [100, 101, 102, 103]
