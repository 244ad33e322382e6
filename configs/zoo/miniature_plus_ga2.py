# Miniature world: a method of miniature.py with GA2-CLIP's coupled hard prompt and anchors. GA2MM_METHOD
# selects it:
#   GA2MM_METHOD=maple python tools/train.py configs/zoo/miniature_plus_ga2.py --work-dir work_dirs/maple_plus_ga2
# plus_ga2_vit_b16.py has notes on each method. Rates and weights have the best HM on validation draws, as those
# of the methods alone (docs/experiments/zoo_validation.md).
# Measured: docs/zoo.md has a table of all methods.
_base_ = './miniature.py'

model = dict(
    cls_head=dict(
        text_prompt=_base_.model.cls_head.get(
            'text_prompt', dict(type='ContextPrompt', length=4, init_words='a video of a')),
        coupling=_base_.coupling),
    anchors=_base_.anchors)
train_dataloader = dict(batch_sampler=_base_.anchor_batch_sampler, dataset=dict(anchors=_base_.anchor_dataset))
method = '{{$GA2MM_METHOD:maple}}'
if method in ('ivlp', 'maple', 'vpt_deep'):
    optim_wrapper = dict(optimizer=dict(lr=1e-2))
if method in ('attriprompt', 'cocoop', 'coop'):  # no vision prompts, so the negatives alone act
    model['anchors']['strategies'][0]['weight'] = 3.0
del method
