# VPT-Deep (arXiv 2203.12119): prompts in all layers of the vision tower.
# Length, depth, optimizer and rate as the code released with MaPLe has them (VPT/vit_b16_c2_ep5_batch4_4).
# The text is our template, not "a photo of a".
_base_ = '../_base_/zoo_vit_b16.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=8, depth=12)))

optim_wrapper = dict(optimizer=dict(lr=2.5e-3))
auto_scale_lr = dict(base_batch_size=4)
