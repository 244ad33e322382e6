# Miniature world: GA2-CLIP with another strategy: anchors are closer to a negative than to any class.
_base_ = '../ga2/miniature_ga2.py'

model = dict(anchors=dict(strategies=[dict(type='Margin', weight=1.0)]))
