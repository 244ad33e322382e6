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
    'compositions, weight 50': dict(config=file, env=dict(GA2MM_WEIGHT=50)),
    'compositions, weight 20': dict(config=file, env=dict(GA2MM_WEIGHT=20)),
    'compositions, noise': dict(config=file, env=dict(GA2MM_VIDEOS='noise')),
    'compositions, curriculum': dict(config=file, env=dict(GA2MM_VIDEOS='curriculum')),
    'compositions, drift': dict(config=file, env=dict(GA2MM_MORE='drift')),
    'compositions, distribution': dict(config=file, env=dict(GA2MM_MORE='distribution')),
    'compositions, distribution over classes': dict(config=file, env=dict(GA2MM_MORE='classes')),
    'source, noise': dict(config=file, env=dict(GA2MM_NAMES='source', GA2MM_VIDEOS='noise')),
    'source, curriculum': dict(config=file, env=dict(GA2MM_NAMES='source', GA2MM_VIDEOS='curriculum')),
}
datasets = dict(strong=None)
baseline = ['GA2-CLIP']
seeds = [0]
del file
