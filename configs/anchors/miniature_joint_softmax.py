# Miniature world: GA2-CLIP with another strategy: anchors are one of the negatives.
_base_ = '../ga2/miniature_ga2.py'

model = dict(anchors=dict(strategies=[dict(type='JointSoftmax', weight=0.1)]))
