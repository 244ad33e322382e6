# What `make demo` runs: the miniature benchmark's methods on one class draw with one seed.
title = 'Demo on the miniature world'
note = (
    'Generated videos and a tiny CLIP: this shows how the methods act, and says nothing about real CLIP or real '
    'video. One seed on one class draw ranks nothing.')
worlds = [dict(style='mild', draws=[0])]

datasets = {'mild': dict(env=dict(GA2MM_STYLE='mild'))}
methods = {
    'zero-shot CLIP': dict(config='../ga2/miniature_zero_shot.py', learns=False),
    'deep prompts': dict(config='../ga2/miniature_deep_prompts.py'),
    'GA2-CLIP': dict(config='../ga2/miniature_ga2.py'),
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(GA2MM_STYLE='{GA2MM_STYLE}'))
baseline = 'deep prompts'
draws = [0]
seeds = [0]
