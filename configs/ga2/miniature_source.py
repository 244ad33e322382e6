# Miniature world: plain deep prompts on the source dataset. The text prompt becomes the hard prompt of the
# other configs:
#   python tools/train.py configs/ga2/miniature_source.py --seed 0
#   python tools/convert/hard_prompt.py work_dirs/miniature_source/epoch_12.pth hard_prompts/miniature_source.safetensors
_base_ = '../_base_/miniature.py'
globals().update(_base_.pop('protocols')['source'])

model = dict(cls_head=_base_.deep_prompts)
