# Plain deep prompts on classes of Kinetics-600 that are not in Kinetics-400. Its text prompt becomes the hard
# prompt of the Kinetics-400 configs (tools/convert/hard_prompt.py).
_base_ = [
    '../_base_/models/deep_prompts_vit_b16.py',
    '../_base_/datasets/k600_source.py',
    '../_base_/schedules/base2novel.py',
    '../_base_/default_runtime.py',
]
