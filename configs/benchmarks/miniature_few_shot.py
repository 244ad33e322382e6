# Miniature world, few-shot on all 24 classes of a draw: 2, 4, 8 and 16 clips of each.
title = 'Miniature benchmark, few-shot'
note = (
    'Generated videos and a tiny CLIP: this shows how the methods act, and says nothing about real CLIP or real '
    'video.')
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4])]
datasets = {'mild': dict(env=dict(GA2MM_STYLE='mild'))}
env = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='all_train_{shots}.txt')
methods = {
    'zero-shot CLIP': dict(config='../ga2/miniature_zero_shot.py', learns=False),
    'deep prompts': dict(config='../ga2/miniature_deep_prompts.py'),
    'coupled prompts': dict(config='../ga2/miniature_coupled.py'),
    'GA2-CLIP': dict(config='../ga2/miniature_ga2.py'),
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(GA2MM_STYLE='{GA2MM_STYLE}'))
baseline = 'deep prompts'
shots = [2, 4, 8, 16]
draws = [0, 1, 2, 3, 4]
seeds = [0]
