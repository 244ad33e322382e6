# Miniature world: coupled prompts held to the frozen CLIP on the labelled clips themselves, without anchor videos.
_base_ = '../ga2/miniature_coupled.py'

model = dict(losses=[dict(type='SelfConsistency', weight=0.5)])
