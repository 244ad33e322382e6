# Plain deep prompts on 100 classes of Kinetics-600 that are not in Kinetics-400. The text prompt becomes the
# hard prompt of the Kinetics-400 configs:
#   tools/dist_train.sh configs/ga2/k600_source.py 8
#   python tools/convert/hard_prompt.py work_dirs/k600_source/epoch_12.pth hard_prompts/k600_not_in_k400.safetensors
_base_ = ['../_base_/vit_b16.py', '../_base_/videos.py']
globals().update(_base_.pop('videos')['k600_source'])

model = dict(cls_head=_base_.deep_prompts)
