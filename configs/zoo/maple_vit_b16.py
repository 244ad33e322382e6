# MaPLe (arXiv 2210.03117): deep text prompts, and vision prompts that are linear maps of them.
# Length, depth, optimizer and rate as the code released with MaPLe has them (vit_b16_c2_ep5_batch4_2ctx).
_base_ = '../_base_/zoo_vit_b16.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='ProjectedPrompt'),
        text_prompt=dict(type='DeepPrompt', length=2, depth=9, init_words='a photo of a')))

optim_wrapper = dict(optimizer=dict(lr=3.5e-3))
auto_scale_lr = dict(base_batch_size=4)
