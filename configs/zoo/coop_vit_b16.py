# CoOp (arXiv 2109.01134): a learnt context in the place of a template.
# Context, optimizer and rate as the code released with CoOp has them for ViT-B/16 (vit_b16_ctxv1).
# Otherwise than there: clips of 32 frames instead of images, the epochs and warm-up of our video schedule, the rate
# scaled with the clips a step.
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
        text_prompt=dict(type='ContextPrompt', length=4, init_words='a photo of a')))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=32)
