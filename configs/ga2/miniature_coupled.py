# Miniature world: GA2-CLIP without its anchors: deep prompts, and a hard prompt coupled to the text prompt.
# Variables: see _base_/miniature.py.
#   python tools/train.py configs/ga2/miniature_coupled.py --seed 0
# Measured, base-to-novel in the mild style: HM 79.1 (docs/experiments/anchors_test.md).
_base_ = './miniature_deep_prompts.py'

model = dict(cls_head=dict(coupling=_base_.coupling))
