# CoOp (arXiv 2109.01134): a learnt context instead of a template.
# Context, optimizer and learning rate: as in CoOp's released code for ViT-B/16 (vit_b16_ctxv1).
# Different from the release: clips of 32 frames instead of images, epochs and warm-up of _base_/videos.py,
# and a learning rate scaled with the clips per step (auto_scale_lr.base_batch_size is the release's batch
# size).
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/zoo/coop_vit_b16.py 8
# Measured only on the miniature world (miniature.py): base-to-novel HM 84.2 (docs/zoo.md).
_base_ = '../baselines/zero_shot.py'

model = dict(cls_head=dict(text_prompt=dict(type='ContextPrompt', length=4, init_words='a photo of a')))

optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=32)
