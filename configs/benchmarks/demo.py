# The benchmark of `make demo`: the first two class draws, one seed. Measured: docs/miniature.md.
_base_ = './miniature.py'

title = 'Demo on the miniature world'
worlds = [dict(style='mild', draws=[0, 1])]
datasets = dict(strong=None)
methods = {'coupled prompts': None}
draws = [0, 1]
