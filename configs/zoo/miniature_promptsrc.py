# Miniature world: PromptSRC (arXiv 2307.06948): deep prompts in both towers, held to the frozen CLIP, averaged over
# the epochs. As promptsrc_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = './miniature_ivlp.py'

model = dict(
    cls_head=dict(template=['a video of a {}.', 'a video showing a {}.', 'a {}.']),
    losses=[dict(type='SelfConsistency')])
custom_hooks = [
    dict(
        type='GaussianAverageHook',
        mean=0.75 * _base_.train_cfg.max_epochs,
        std=0.05 * _base_.train_cfg.max_epochs)
]
