# CoCoOp (arXiv 2203.05557): a learnt context that every clip shifts.
# Context, optimizer and rate as the code released with CoCoOp has them (vit_b16_c4_ep10_batch1_ctxv1).
# Every clip of a batch encodes all classes anew: a step costs as many passes through the text tower as it has clips.
_base_ = '../_base_/zoo_vit_b16.py'

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ConditionalPrompt', length=4, init_words='a photo of a')))

optim_wrapper = dict(optimizer=dict(lr=2e-3))
auto_scale_lr = dict(base_batch_size=1)
