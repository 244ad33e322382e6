# Miniature world: FROSTER with GA2-CLIP's coupled hard prompt and anchors.
# FROSTER has no text prompt to couple, so CoOp's context comes with it. Everything in CLIP learns beside both.
# What FROSTER holds to the frozen CLIP on the labelled clips it keeps; the anchors are held beside them.
_base_ = ['./miniature_froster.py', '../_base_/models/miniature_ga2_plug_in.py']

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ContextPrompt', length=4, init_words='a video of a'),
        coupling=_base_.coupling),
    anchors=_base_.anchors)
train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True, type='AnchorDataset', dataset=_base_.train_dataset, anchors=_base_.anchor_dataset))
