# CLIP as it is (arXiv 2103.00020), each class in many sentences. There is nothing to train; test it without a checkpoint.
# Templates: the 28 that CLIP's repository publishes for Kinetics (data/prompts.md).
# Otherwise than there: a class's features are averaged, then scaled to unit length, without a scaling of each before
# (docs/zoo.md).
# Dataset and protocol come from the environment: GA2MM_DATASET is ucf101, hmdb51, ssv2 or k400,
# GA2MM_PROTOCOL is base2novel or fewshot.
_base_ = '../baselines/zero_shot.py'

templates = [
    f'a {kind} of {person}{{}}.'
    for kind in ('photo', 'video', 'example', 'demonstration')
    for person in ('', *(f'a person{doing} ' for doing in ('', ' using', ' doing', ' during', ' performing', ' practicing')))
]
model = dict(cls_head=dict(template=templates))
