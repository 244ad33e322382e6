# Miniature world: plain deep prompts on the source dataset, whose text prompt becomes the hard prompt.
_base_ = [
    '../_base_/models/miniature_deep_prompts.py',
    '../_base_/datasets/miniature_source.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]
