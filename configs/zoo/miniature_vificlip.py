# Miniature world: ViFi-CLIP (arXiv 2212.03640): both towers of CLIP tuned whole, no prompts.
# As vificlip_vit_b16.py, with the template and budget of the other miniature methods. The rate has the best HM of 3e-5,
# 1e-4 and 3e-4 on validation draw 100 (docs/zoo.md).
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(backbone=dict(frozen=False))
optim_wrapper = dict(optimizer=dict(lr=3e-5))
