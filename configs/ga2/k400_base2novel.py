# GA2-CLIP on Kinetics-400, base-to-novel, the released recipe. Anchors: one clip a GPU and step, videos of 100 classes of Kinetics-600 that are not in Kinetics-400.
# The hard prompt is learnt on those classes too; UCF101, HMDB51 and SSv2 take theirs from the base run here.
_base_ = [
    '../_base_/models/ga2_vit_b16.py',
    '../_base_/datasets/k400_base2novel.py',
    '../_base_/schedules/base2novel.py',
    '../_base_/default_runtime.py',
]

model = dict(cls_head=dict(coupling=dict(hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k600_not_in_k400.safetensors}}')))

train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True,
        type='AnchorDataset',
        dataset=_base_.train_dataset,
        anchors=_base_.anchor_dataset))
