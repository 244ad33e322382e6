# What the prompt learners of configs/zoo share on CLIP ViT-B/16. Prompts and rates of each are those of its released
# code, and so is the optimizer here. Otherwise than there: clips of 32 frames instead of images, the epochs and warm-up
# of our video schedule, the rate scaled with the clips a step (auto_scale_lr.base_batch_size is the release's batch).
# Dataset and protocol come from the environment: GA2MM_DATASET is ucf101, hmdb51, ssv2 or k400,
# GA2MM_PROTOCOL is base2novel or fewshot.
_base_ = [
    './models/zero_shot_vit_b16.py',
    './datasets/{{$GA2MM_DATASET:ucf101}}_{{$GA2MM_PROTOCOL:base2novel}}.py',
    './schedules/{{$GA2MM_PROTOCOL:base2novel}}.py',
    './default_runtime.py',
]

optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', momentum=0.9, weight_decay=5e-4))
