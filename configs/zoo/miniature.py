# Miniature world: the methods of this folder on the tiny CLIP. GA2MM_METHOD selects one of `methods`:
#   GA2MM_METHOD=maple python tools/train.py configs/zoo/miniature.py --seed 0 --work-dir work_dirs/miniature_maple
# METHOD_vit_b16.py has the paper and the settings of the release. Here all prompts have sizes for the tiny
# CLIP, and all methods have the optimizer and the schedule of _base_/miniature.py, which lists more
# variables. Each has the learning rate with the best HM on validation draws: 1e-2 or, where it is named, 1e-3
# (docs/experiments/zoo_validation.md).
# Measured: docs/zoo.md has a table of all methods; names with " + GA2" refer to miniature_plus_ga2.py.
_base_ = '../ga2/miniature_zero_shot.py'

sentences = ['a video of a {}.', 'a video showing a {}.', 'a {}.']  # words that the tiny CLIP knows
words = 'a video of a'
deep = dict(type='DeepPrompt', length=4, depth=3, init_words=words)
slow = dict(optimizer=dict(lr=1e-3))
# Both towers are tuned. Of 3e-6 to 1e-4, 1e-5 has the best HM (docs/experiments/full_tuning.md).
tuned = dict(frozen=False)
tuned_wrapper = dict(optimizer=dict(lr=1e-5))
methods = dict(
    zero_shot_ensemble=dict(model=dict(cls_head=dict(template=sentences))),
    coop=dict(model=dict(cls_head=dict(text_prompt=dict(type='ContextPrompt', length=4, init_words=words)))),
    cocoop=dict(model=dict(cls_head=dict(text_prompt=dict(type='ConditionalPrompt', length=4, init_words=words)))),
    vpt_shallow=dict(
        model=dict(cls_head=dict(vision_prompt=dict(type='DeepPrompt', length=4, depth=1))), optim_wrapper=slow),
    vpt_deep=dict(
        model=dict(cls_head=dict(vision_prompt=dict(type='DeepPrompt', length=4, depth=4))), optim_wrapper=slow),
    ivlp=dict(
        model=dict(cls_head=dict(vision_prompt=dict(type='DeepPrompt', length=4, depth=3), text_prompt=deep)),
        optim_wrapper=slow),
    maple=dict(
        model=dict(cls_head=dict(vision_prompt=dict(type='ProjectedPrompt'), text_prompt=deep)), optim_wrapper=slow),
    promptsrc=dict(
        model=dict(
            cls_head=dict(
                template=sentences, vision_prompt=dict(type='DeepPrompt', length=4, depth=3), text_prompt=deep),
            losses=[dict(type='SelfConsistency')]),
        custom_hooks=[
            dict(
                type='GaussianAverageHook',
                mean=0.75 * _base_.train_cfg.max_epochs,
                std=0.05 * _base_.train_cfg.max_epochs)
        ]),
    attriprompt=dict(
        model=dict(
            cls_head=dict(text_prompt=dict(type='AttributeRetrieval')),
            losses=[
                dict(type='DualStreamContrastiveLoss', weight=1.0),
                dict(type='SelfRegularizationLoss', form='l1', weight=25.0),
                dict(type='KeyLoss', weight=0.5),
            ])),
    vificlip=dict(model=dict(backbone=tuned), optim_wrapper=tuned_wrapper),
    froster=dict(
        model=dict(backbone=tuned, losses=[dict(type='ResidualFeatureDistillation')]),
        optim_wrapper=tuned_wrapper))
method = '{{$GA2MM_METHOD:maple}}'
if method not in methods:
    raise ValueError(f'GA2MM_METHOD={method}; choose one of {", ".join(methods)}')
globals().update(methods[method])
del sentences, words, deep, slow, tuned, tuned_wrapper, methods, method
