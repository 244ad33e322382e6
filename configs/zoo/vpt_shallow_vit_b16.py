# VPT-Shallow (arXiv 2203.12119): prompts at the input of the vision tower.
# Length, optimizer and rate as the code released with MaPLe has them for its deep VPT, here at depth 1.
# Otherwise than there: clips of 32 frames instead of images, the epochs and warm-up of our video schedule, the rate
# scaled with the clips a step.
# The text is our template, not "a photo of a".
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
        vision_prompt=dict(type='DeepPrompt', length=8, depth=1)))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=2.5e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=4)
