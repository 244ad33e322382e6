# Miniature world: plain deep prompts in both towers (IVLP). Variables: see _base_/miniature.py.
#   python tools/train.py configs/ga2/miniature_deep_prompts.py --seed 0
# Measured, base-to-novel in the mild style: HM 80.7 (README.md).
_base_ = './miniature_zero_shot.py'

model = dict(cls_head=_base_.deep_prompts)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
