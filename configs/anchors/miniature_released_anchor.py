# Miniature world: the anchor term as released, with one negative: it has no gradient, and a warning says so.
_base_ = '../ga2/miniature_ga2.py'

model = dict(anchors=dict(negatives=dict(names=['something else']), strategies=[dict(type='ReleasedAnchor')]))
