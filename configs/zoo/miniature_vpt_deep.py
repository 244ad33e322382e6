# Miniature world: VPT-Deep (arXiv 2203.12119): prompts in all layers of the vision tower.
# As vpt_deep_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=4, depth=4)))
