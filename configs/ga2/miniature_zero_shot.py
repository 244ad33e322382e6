# Miniature world: CLIP as it is. There is nothing to train; test it without a checkpoint.
_base_ = [
    '../_base_/models/miniature_zero_shot.py',
    '../_base_/datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]
