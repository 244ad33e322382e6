# Miniature world: GA2-CLIP (arXiv 2511.22125), coupled prompts with 8 anchor clips per step. Variables: see
# _base_/miniature.py.
#   python tools/train.py configs/ga2/miniature_ga2.py --seed 0
# Measured, base-to-novel in the mild style: HM 85.9 (README.md).
_base_ = './miniature_coupled.py'

model = dict(anchors=_base_.anchors)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
train_dataloader = dict(batch_sampler=_base_.anchor_batch_sampler, dataset=dict(anchors=_base_.anchor_dataset))
