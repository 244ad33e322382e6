# Detection of irrelevant videos with the other strategies: test draws of the mild style. anchors.py has the
# rest.
#   python tools/run_protocol.py configs/benchmarks/unknown_videos.py
# Measured: docs/experiments/unknown_videos.md.
_base_ = './miniature.py'

title = 'Unknown videos on the miniature world'
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]
datasets = dict(mild=dict(test_sets=['../_base_/test_sets/miniature_irrelevant.py']), strong=None)
methods = {
    'zero-shot CLIP': None,
    'coupled prompts': None,
    **{
        name: dict(config='../ga2/miniature_ga2.py', options={'model.anchors.strategies': [strategy], **more})
        for name, strategy, more in [
            ('distribution consistency', dict(type='DistributionConsistency', weight=1.0), {}),
            ('joint softmax', dict(type='JointSoftmax', weight=0.1), {}),
            ('margin', dict(type='Margin', weight=1.0), {}),
            ('released anchor', dict(type='ReleasedAnchor'), {'model.anchors.negatives.names': ['something else']}),
        ]
    },
}
variants = {'calibrated': dict(env=dict(GA2MM_CALIBRATION=0.25))}
