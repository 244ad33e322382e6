# ViFi-CLIP (arXiv 2212.03640): both towers of CLIP tuned whole, no prompts.
# Template, optimizer, rate, epochs and warm-up as the code released with ViFi-CLIP has them
# (finetuning_base2novel/*_s1.yaml and finetuning_few_shot/*_16_shot.yaml, with the defaults of its
# utils/config.py). Different from the release: 8 clips on each of 8 GPUs at once instead of 4 twice, no
# mixup, cutmix, colour jitter and label smoothing (ours: _base_/videos.py), the rate scaled with the clips a
# step.
# Where memory is short: model.backbone.grad_checkpointing=True (docs/zoo.md has figures).
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/zoo/vificlip_vit_b16.py 8
# Measured only on the miniature world (miniature.py): base-to-novel HM 88.9 (docs/zoo.md).
_base_ = '../baselines/zero_shot.py'

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
