# Miniature world: ViFi-CLIP with GA2-CLIP's coupled hard prompt and anchors.
# ViFi-CLIP has no text prompt to couple, so CoOp's context comes with it. Everything in CLIP learns beside both.
_base_ = ['./miniature_vificlip.py', '../_base_/models/miniature_ga2_plug_in.py']

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ContextPrompt', length=4, init_words='a video of a'),
        coupling=_base_.coupling),
    anchors=_base_.anchors)
train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True, type='AnchorDataset', dataset=_base_.train_dataset, anchors=_base_.anchor_dataset))
