# AttriPrompt (arXiv 2509.05949): each clip retrieves its text prompts by its patch tokens.
# We know the abstract and no released code. Design choices where the abstract has no details: all settings of
# the retrieval (AttributeRetrieval's defaults), form and weights of both losses (25 is PromptSRC's weight for
# its L1 distance of texts), no vision prompts. Optimizer and learning rate: as in ivlp_vit_b16.py.
# All classes are encoded again for each clip: a step has as many passes through the text tower as clips.
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/zoo/attriprompt_vit_b16.py 8
# Measured only on the miniature world (miniature.py): base-to-novel HM 84.8 (docs/zoo.md).
_base_ = '../baselines/zero_shot.py'

model = dict(
    cls_head=dict(text_prompt=dict(type='AttributeRetrieval')),
    losses=[
        dict(type='DualStreamContrastiveLoss', weight=1.0),
        dict(type='SelfRegularizationLoss', form='l1', weight=25.0),
        dict(type='KeyLoss', weight=0.5),
    ])

optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=2.5e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=4)
