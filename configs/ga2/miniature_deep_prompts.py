# Miniature world: plain deep prompts in both towers (IVLP).
_base_ = [
    '../_base_/models/miniature_deep_prompts.py',
    '../_base_/datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]
