# GA2-CLIP on the tiny CLIP: coupled prompts and anchors.
_base_ = './miniature_coupled.py'

model = dict(anchors=_base_.anchors)
