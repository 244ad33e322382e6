# Known against irrelevant videos with the other strategies: test draws of the mild style, one seed. anchors.py has the
# rest.
_base_ = '../_base_/benchmarks/miniature.py'

title = 'Unknown videos on the miniature world'
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4])]
datasets = dict(mild=dict(test_sets=['../_base_/test_sets/miniature_irrelevant.py']))
methods = {
    'zero-shot CLIP': None,
    'coupled prompts': None,
    **{
        name: dict(config=f'../anchors/miniature_{name.replace(" ", "_")}.py')
        for name in ('distribution consistency', 'joint softmax', 'margin', 'released anchor')
    },
}
