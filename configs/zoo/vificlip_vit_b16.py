# ViFi-CLIP (arXiv 2212.03640): both towers of CLIP tuned whole, no prompts.
# Template, optimizer, rate, epochs and warm-up as the code released with ViFi-CLIP has them
# (finetuning_base2novel/*_s1.yaml and finetuning_few_shot/*_16_shot.yaml, with the defaults of its utils/config.py).
# Otherwise than there: 8 clips on each of 8 GPUs at once instead of 4 twice, no mixup, cutmix, colour jitter and label
# smoothing (ours: configs/_base_/datasets), the rate scaled with the clips a step.
# Where memory is short: model.backbone.grad_checkpointing=True (docs/zoo.md has figures).
# Dataset and protocol come from the environment: GA2MM_DATASET is ucf101, hmdb51, ssv2 or k400,
# GA2MM_PROTOCOL is base2novel or fewshot.
_base_ = [
    '../_base_/models/zero_shot_vit_b16.py',
    '../_base_/datasets/{{$GA2MM_DATASET:ucf101}}_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(frozen=False),
    cls_head=dict(template='a photo of a {}.'))

epochs = dict(base2novel=11, fewshot=50)['{{$GA2MM_PROTOCOL:base2novel}}']
warm_up = 5
train_cfg = dict(max_epochs=epochs)
optim_wrapper = dict(optimizer=dict(lr=2e-6))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=warm_up, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=epochs - warm_up,
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=warm_up,
        end=epochs,
        convert_to_iter_based=True),
]
