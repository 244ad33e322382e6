# The tiny CLIP that the package ships, without prompts.
model = dict(
    type='CLIPRecognizer',
    backbone=dict(type='OpenCLIP', arch='miniature', pretrained='miniature'),
    cls_head=dict(type='CoupledPromptHead', template='a video of a {}.'))
