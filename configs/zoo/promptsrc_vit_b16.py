# PromptSRC (arXiv 2307.06948): deep prompts in both towers, regularised towards the frozen CLIP and averaged
# over the epochs. Prompts, weights, optimizer and learning rate: as in PromptSRC's released code
# (vit_b16_c2_ep20_batch4_4+4ctx); its mean of 15 and standard deviation of 1 in 20 epochs are kept as shares
# of the epochs. Different from the release: CLIP's templates for UCF101 instead of those for ImageNet, and
# the differences in ivlp_vit_b16.py.
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/zoo/promptsrc_vit_b16.py 8
# Measured only on the miniature world (miniature.py): base-to-novel HM 86.2 (docs/zoo.md).
_base_ = './ivlp_vit_b16.py'

templates = [
    f'a {kind} of {person} person{doing} {{}}.'
    for kind in ('photo', 'video', 'example', 'demonstration')
    for person in ('a', 'the')
    for doing in ('', ' using', ' doing', ' during', ' performing', ' practicing')
]
model = dict(
    cls_head=dict(template=templates),
    losses=[dict(type='SelfConsistency', text_weight=25.0, video_weight=10.0, logits_weight=1.0)])
custom_hooks = [
    dict(
        type='GaussianAverageHook',
        mean=0.75 * _base_.train_cfg.max_epochs,
        std=0.05 * _base_.train_cfg.max_epochs)
]
