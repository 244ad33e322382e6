# The miniature benchmark: five class draws and three seeds in two styles. All methods share one budget.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Miniature benchmark'
worlds = [dict(style=style, draws=[0, 1, 2, 3, 4]) for style in ('mild', 'strong')]
datasets = dict(strong=dict(env=dict(GA2MM_STYLE='strong')))
seeds = [0, 1, 2]
