# Every method of configs/zoo, with and without GA2-CLIP's coupled hard prompt and anchors: ten class draws
# of the mild style, with the same budget. Each method with them is compared with the same method without them,
# both as published and with the calibration by anchors (docs/calibration.md).
#   python tools/run_protocol.py configs/benchmarks/zoo.py
# Measured: docs/experiments/plug_in.md.
_base_ = './miniature.py'

title = 'Prompt learners with and without GA2-CLIP on the miniature world'
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]
_learners = {
    'CoOp': 'coop',
    'CoCoOp': 'cocoop',
    'VPT-Shallow': 'vpt_shallow',
    'VPT-Deep': 'vpt_deep',
    'IVLP': 'ivlp',
    'MaPLe': 'maple',
    'PromptSRC': 'promptsrc',
    'AttriPrompt': 'attriprompt',
    'ViFi-CLIP': 'vificlip',
    'FROSTER': 'froster',
}
methods = {
    'deep prompts': None,  # IVLP from a random start
    'coupled prompts': None,
    'GA2-CLIP': None,
    'zero-shot ensemble': dict(
        config='../zoo/miniature.py', env=dict(GA2MM_METHOD='zero_shot_ensemble'), learns=False),
    **{
        f'{name}{plus}': dict(
            config=f'../zoo/{config}.py', env=dict(GA2MM_METHOD=method), **compared)
        for name, method in _learners.items()
        for plus, config, compared in [
            ('', 'miniature', {}),
            (' + GA2', 'miniature_plus_ga2', dict(baseline=name)),
        ]
    },
}
variants = {'calibrated': dict(env=dict(GA2MM_CALIBRATION=0.25))}
datasets = dict(strong=None)
baseline = None
