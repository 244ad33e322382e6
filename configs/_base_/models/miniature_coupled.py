# Deep prompts, the text tower's coupled to the hard prompt that miniature_source.py learns.
_base_ = ['./miniature_deep_prompts.py', './miniature_ga2_plug_in.py']

model = dict(cls_head=dict(coupling=_base_.coupling))
