# GA2-CLIP on UCF101, 16-shot, the released recipe. Anchors: one clip a GPU and step, videos of Kinetics-400.
# The hard prompt comes from the base run on Kinetics-400. Beware: some classes here are also classes there.
_base_ = [
    '../_base_/models/ga2_vit_b16.py',
    '../_base_/datasets/ucf101_fewshot.py',
    '../_base_/schedules/fewshot.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True,
        type='AnchorDataset',
        dataset=_base_.train_dataset,
        anchors=_base_.anchor_dataset))
