# Known against irrelevant videos, by strategy: test draws of the mild style, one seed.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Unknown videos on the miniature world'
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4])]
datasets = dict(mild=dict(test_sets=['../_base_/test_sets/miniature_irrelevant.py']))
methods = {
    name: dict(config=f'../anchors/miniature_{name.lower().replace(" ", "_").replace("-", "_")}.py')
    for name in ('self-consistency', 'distribution consistency', 'joint softmax', 'margin', 'released anchor')
}
