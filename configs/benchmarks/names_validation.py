# Names as negatives, with other anchor videos and strategies, on validation draws.
_base_ = './miniature.py'

title = 'Names as negatives, validation'
part = 'validation'
worlds = [dict(style='mild', draws=list(range(100, 110)))]
draws = list(range(100, 110))
file = '../ga2/miniature_name_anchors.py'
methods = {
    'zero-shot CLIP': None,
    'deep prompts': None,
    'coupled prompts': None,
    'compositions': dict(config=file),
    'source and noise': dict(config=file, env=dict(GA2MM_NAMES='source', GA2MM_VIDEOS='noise')),
    'source and curriculum': dict(config=file, env=dict(GA2MM_NAMES='source', GA2MM_VIDEOS='curriculum')),
}
datasets = dict(strong=None)
baseline = ['GA2-CLIP']
seeds = [0]
del file
