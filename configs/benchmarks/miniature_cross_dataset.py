# Miniature world, cross-dataset: tuned on all classes of a draw, tested on all classes of three other draws
# in both styles.
#   python tools/run_protocol.py configs/benchmarks/miniature_cross_dataset.py
_base_ = './miniature.py'

title = 'Miniature benchmark, cross-dataset'
note = _base_.note + ' The draws tested share 3 to 9 of their 24 class names with each draw tuned on.'
worlds = [
    dict(style='mild', draws=[0, 1, 2, 3, 4, 5, 6, 7]),
    dict(style='strong', draws=[5, 6, 7]),
]
env = dict(GA2MM_PROTOCOL='fewshot')
datasets = dict(mild=dict(test_sets=['../_base_/test_sets/miniature.py']), strong=None)
draws = [0, 1, 2, 3, 4]
