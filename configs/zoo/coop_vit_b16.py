# CoOp (arXiv 2109.01134): a learnt context in the place of a template.
# Context, optimizer and rate as the code released with CoOp has them for ViT-B/16 (vit_b16_ctxv1).
_base_ = '../_base_/zoo_vit_b16.py'

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ContextPrompt', length=4, init_words='a photo of a')))

optim_wrapper = dict(optimizer=dict(lr=2e-3))
auto_scale_lr = dict(base_batch_size=32)
