# Miniature world: GA2-CLIP without its anchors.
_base_ = [
    '../_base_/models/miniature_coupled.py',
    '../_base_/datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]
