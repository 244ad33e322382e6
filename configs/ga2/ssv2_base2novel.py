# GA2-CLIP on Something-Something v2, base-to-novel, the released recipe. Anchors: one clip a GPU and step, videos of Kinetics-400.
# The hard prompt comes from the base run on Kinetics-400. Beware: some classes here are also classes there.
_base_ = [
    '../_base_/models/ga2_vit_b16.py',
    '../_base_/datasets/ssv2_base2novel.py',
    '../_base_/schedules/base2novel.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True,
        type='AnchorDataset',
        dataset=_base_.train_dataset,
        anchors=_base_.anchor_dataset))

# The prompts learn ten times slower than the mapping layer here: 4e-3 against 4e-2.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'soft_prompt': dict(lr_mult=0.1)}))
