# Miniature world, cross-dataset: tuned on all classes of a draw, tested on those of three others in both styles.
title = 'Miniature benchmark, cross-dataset'
note = (
    'Generated videos and a tiny CLIP: this shows how the methods act, and says nothing about real CLIP or real '
    'video.')
worlds = [
    dict(style='mild', draws=[0, 1, 2, 3, 4, 5, 6, 7]),
    dict(style='strong', draws=[5, 6, 7]),
]
datasets = {'tuned on mild': dict(env=dict(GA2MM_STYLE='mild'), test_sets=['../_base_/test_sets/miniature.py'])}
env = dict(GA2MM_PROTOCOL='fewshot')
methods = {
    'zero-shot CLIP': dict(config='../ga2/miniature_zero_shot.py', learns=False),
    'deep prompts': dict(config='../ga2/miniature_deep_prompts.py'),
    'coupled prompts': dict(config='../ga2/miniature_coupled.py'),
    'GA2-CLIP': dict(config='../ga2/miniature_ga2.py'),
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(GA2MM_STYLE='{GA2MM_STYLE}'))
baseline = 'deep prompts'
draws = [0, 1, 2, 3, 4]
seeds = [0]
