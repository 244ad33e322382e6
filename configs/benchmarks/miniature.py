# Base-to-novel on the miniature world: ten class draws and one seed in two styles, since accuracies differ
# between draws far more than between seeds. All methods have the same budget.
#   python tools/run_protocol.py configs/benchmarks/miniature.py
# Measured: README.md. Other benchmarks inherit from this one and replace draws, datasets, methods and seeds.
title = 'Miniature benchmark'
note = (
    'Generated videos and a tiny CLIP: this shows how the methods act, and says nothing about real CLIP or real '
    'video.')
worlds = [dict(style=style, draws=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) for style in ('mild', 'strong')]
env = dict(GA2MM_CALIBRATION=0)  # methods as published; a variant of a benchmark may set it
datasets = {style: dict(env=dict(GA2MM_STYLE=style)) for style in ('mild', 'strong')}
methods = {
    'zero-shot CLIP': dict(config='../ga2/miniature_zero_shot.py', learns=False),
    'deep prompts': dict(config='../ga2/miniature_deep_prompts.py'),
    'coupled prompts': dict(config='../ga2/miniature_coupled.py'),
    'GA2-CLIP': dict(config='../ga2/miniature_ga2.py'),
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(GA2MM_STYLE='{GA2MM_STYLE}'))
baseline = 'deep prompts'
draws = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
seeds = [0]
