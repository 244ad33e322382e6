# Miniature world: PromptSRC with GA2-CLIP's coupled hard prompt and anchors.
# What it holds to the frozen CLIP on the labelled clips it keeps; the anchors are held beside them.
_base_ = ['./miniature_promptsrc.py', '../_base_/models/miniature_ga2_plug_in.py']

model = dict(
    cls_head=dict(coupling=_base_.coupling),
    anchors=_base_.anchors)
train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True, type='AnchorDataset', dataset=_base_.train_dataset, anchors=_base_.anchor_dataset))
