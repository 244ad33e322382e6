# Miniature world: GA2-CLIP, coupled prompts with 8 anchor clips a step.
_base_ = [
    '../_base_/models/miniature_ga2.py',
    '../_base_/datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]

train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True,
        type='AnchorDataset',
        dataset=_base_.train_dataset,
        anchors=_base_.anchor_dataset))
