# ViFi-CLIP (arXiv 2212.03640): full tuning of both towers of CLIP, without prompts.
# Template, optimizer, learning rate, epochs and warm-up: as in ViFi-CLIP's released code
# (finetuning_base2novel/*_s1.yaml and finetuning_few_shot/*_16_shot.yaml, with the defaults of its
# utils/config.py). Different from the release: 8 clips at once on each of 8 GPUs instead of 4 clips twice, no
# mixup, cutmix, colour jitter and label smoothing (our augmentation: _base_/videos.py), and a learning rate
# scaled with the clips per step.
# To save memory: model.backbone.grad_checkpointing='all' (docs/zoo.md has figures).
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
