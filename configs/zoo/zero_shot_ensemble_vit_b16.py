# CLIP as it is (arXiv 2103.00020), each class in many sentences. There is nothing to train, so test it
# without a checkpoint:
#   GA2MM_DATASET=hmdb51 python tools/test.py configs/zoo/zero_shot_ensemble_vit_b16.py
# Templates: the 28 that CLIP's repository publishes for Kinetics (data/prompts.md).
# Different from the release: a class's features are averaged, then scaled to unit length, without a scaling
# of each before (docs/zoo.md).
# Measured only on the miniature world (miniature.py): base-to-novel HM 76.5 (docs/zoo.md).
_base_ = '../baselines/zero_shot.py'

doing = ('', ' using', ' doing', ' during', ' performing', ' practicing')
templates = [
    f'a {kind} of {person}{{}}.'
    for kind in ('photo', 'video', 'example', 'demonstration')
    for person in ['', *map('a person{} '.format, doing)]
]
model = dict(cls_head=dict(template=templates))
del doing
