# CoCoOp (arXiv 2203.05557): a learnt context that every clip shifts.
# Context, optimizer and rate as the code released with CoCoOp has them (vit_b16_c4_ep10_batch1_ctxv1).
# Otherwise than there: clips of 32 frames instead of images, the epochs and warm-up of our video schedule, the rate
# scaled with the clips a step.
# Every clip of a batch encodes all classes anew: a step costs as many passes through the text tower as it has clips.
# Dataset and protocol come from the environment: GA2MM_DATASET is ucf101, hmdb51, ssv2 or k400,
# GA2MM_PROTOCOL is base2novel or fewshot.
_base_ = [
    '../_base_/models/zero_shot_vit_b16.py',
    '../_base_/datasets/{{$GA2MM_DATASET:ucf101}}_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/default_runtime.py',
]

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ConditionalPrompt', length=4, init_words='a photo of a')))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=1)
