# MaPLe (arXiv 2210.03117): deep text prompts, and vision prompts that are linear maps of them.
# Length, depth, optimizer and rate as the code released with MaPLe has them (vit_b16_c2_ep5_batch4_2ctx).
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
        vision_prompt=dict(type='ProjectedPrompt'),
        text_prompt=dict(type='DeepPrompt', length=2, depth=9, init_words='a photo of a')))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=3.5e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=4)
