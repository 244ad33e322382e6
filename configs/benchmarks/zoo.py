# Every prompt learner of configs/zoo, with and without GA2-CLIP's coupled hard prompt and anchors: five class draws and
# three seeds of the mild style, one budget. Each is compared with itself without them.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Prompt learners with and without GA2-CLIP on the miniature world'
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4])]
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
    'deep prompts': None,  # IVLP from a random start
    'coupled prompts': None,
    'GA2-CLIP': None,
    **{
        f'{name}{plus}': method
        for name, file in _learners.items()
        for plus, method in [
            ('', dict(config=f'../zoo/miniature_{file}.py')),
            (' + GA2', dict(config=f'../zoo/miniature_{file}_ga2.py', baseline=name)),
        ]
    },
}
baseline = None
seeds = [0, 1, 2]
