# Miniature world: VPT-Shallow (arXiv 2203.12119): prompts at the input of the vision tower.
# As vpt_shallow_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = [
    '../_base_/models/miniature_zero_shot.py',
    '../_base_/datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/miniature_12e.py',
    '../_base_/miniature_runtime.py',
]

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=4, depth=1)))
