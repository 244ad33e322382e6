# Miniature world: AttriPrompt (arXiv 2509.05949): each clip retrieves its text prompts by its patch tokens.
# As attriprompt_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = [
    '../_base_/models/miniature_zero_shot.py',
    '../_base_/datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=4, depth=3),
        text_prompt=dict(type='AttributeRetrieval')),
    losses=[
        dict(type='DualStreamContrastiveLoss', loss_weight=1.0),
        dict(type='SelfRegularizationLoss', form='l1', loss_weight=25.0),
    ])
