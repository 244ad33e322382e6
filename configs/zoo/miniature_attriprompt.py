# Miniature world: AttriPrompt (arXiv 2509.05949): each clip retrieves its text prompts by its patch tokens.
# As attriprompt_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(
    cls_head=dict(text_prompt=dict(type='AttributeRetrieval')),
    losses=[
        dict(type='DualStreamContrastiveLoss', weight=1.0),
        dict(type='SelfRegularizationLoss', form='l1', weight=25.0),
        dict(type='KeyLoss', weight=0.5),
    ])
