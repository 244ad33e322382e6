# What `make demo` runs: one class draw, one seed.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Demo on the miniature world'
note = _base_.note + ' One seed on one class draw ranks nothing.'
worlds = [dict(style='mild', draws=[0])]
methods = {'coupled prompts': None}
draws = [0]
