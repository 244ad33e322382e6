# Zero-shot CLIP (arXiv 2103.00020) with many templates per class. There is nothing to train; test it without
# a checkpoint:
#   GA2MM_DATASET=hmdb51 python tools/test.py configs/zoo/zero_shot_ensemble_vit_b16.py
# Templates: the 28 that CLIP's repository publishes for Kinetics (data/prompts.md).
# Different from the release: the features of a class are averaged without normalising each first; the mean is
# normalised (docs/zoo.md).
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
