# Learning rates of the prompt learners of configs/zoo: four validation draws of the mild style, by the rule of
# miniature_validation.py. A method with GA2-CLIP's hard prompt and anchors takes the rate of the method.
#   python tools/run_protocol.py configs/benchmarks/zoo_validation.py
# Measured: docs/experiments/miniature_validation.md.
_base_ = './miniature.py'

title = 'Learning rates of the prompt learners on the miniature world, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103])]
methods = {
    'deep prompts': None,
    'coupled prompts': None,
    'GA2-CLIP': None,
    **{
        f'{name}, rate {rate:g}': dict(
            config='../zoo/miniature.py',
            env=dict(GA2MM_METHOD=method),
            options={'optim_wrapper.optimizer.lr': rate},
            series=f'{name}, by rate',
            value=rate)
        for name, method in {
            'CoOp': 'coop',
            'CoCoOp': 'cocoop',
            'VPT-Shallow': 'vpt_shallow',
            'VPT-Deep': 'vpt_deep',
            'IVLP': 'ivlp',
            'MaPLe': 'maple',
            'PromptSRC': 'promptsrc',
            'AttriPrompt': 'attriprompt',
        }.items()
        for rate in [1e-3, 1e-2]
    },
}
datasets = dict(strong=None)
baseline = 'zero-shot CLIP'
draws = [100, 101, 102, 103]
