# Deep prompts on CLIP ViT-B/16, the text tower's coupled to a hard prompt.
_base_ = ['./deep_prompts_vit_b16.py', './ga2_plug_in_vit_b16.py']

model = dict(cls_head=dict(coupling=_base_.coupling))
