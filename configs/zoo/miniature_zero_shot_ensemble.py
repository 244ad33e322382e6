# Miniature world: CLIP as it is, each class in several sentences, in words that the tiny CLIP knows. As
# zero_shot_ensemble_vit_b16.py. There is nothing to train; test it without a checkpoint.
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(cls_head=dict(template=['a video of a {}.', 'a video showing a {}.', 'a {}.']))
