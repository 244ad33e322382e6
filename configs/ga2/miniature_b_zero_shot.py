# Miniature world, second downstream dataset: CLIP as it is, to be tested without a checkpoint.
_base_ = [
    '../_base_/models/miniature_zero_shot.py',
    '../_base_/datasets/miniature_b.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]
