# GA2-CLIP on CLIP ViT-B/16: coupled prompts and anchors.
_base_ = './coupled_vit_b16.py'

model = dict(anchors=_base_.anchors)
