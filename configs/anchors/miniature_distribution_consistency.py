# Miniature world: GA2-CLIP with another strategy: anchors are taken for what the frozen CLIP takes them for.
_base_ = '../ga2/miniature_ga2.py'

model = dict(anchors=dict(strategies=[dict(type='DistributionConsistency', weight=1.0)]))
