# Every method of configs/zoo, with and without GA2-CLIP's coupled hard prompt and anchors: ten class draws and three
# seeds of the mild style, one budget. Each is compared with itself without them. Training multiplies in bfloat16,
# which takes half the time on processors that can, and several times as long on those that cannot.
_base_ = '../_base_/benchmarks/miniature.py'

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
_bfloat16 = {'optim_wrapper.type': 'BFloat16OptimWrapper'}
methods = {
    'deep prompts': None,  # IVLP from a random start
    'coupled prompts': None,
    'GA2-CLIP': None,
    'zero-shot ensemble': dict(config='../zoo/miniature_zero_shot_ensemble.py', learns=False),
    **{
        f'{name}{plus}': method
        for name, file in _learners.items()
        for plus, method in [
            ('', dict(config=f'../zoo/miniature_{file}.py', options=_bfloat16)),
            (' + GA2', dict(config=f'../zoo/miniature_{file}_ga2.py', options=_bfloat16, baseline=name)),
        ]
    },
}
baseline = None
draws = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
seeds = [0, 1, 2]
