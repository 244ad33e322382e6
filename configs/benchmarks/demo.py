# What `make demo` runs: the first two class draws, one seed.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Demo on the miniature world'
worlds = [dict(style='mild', draws=[0, 1])]
methods = {'coupled prompts': None}
draws = [0, 1]
