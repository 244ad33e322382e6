# AttriPrompt (arXiv 2509.05949): each clip retrieves its text prompts by its patch tokens.
# We know the abstract and no released code. Design choice, since it does not say: every setting of the retrieval
# (AttributeRetrieval's defaults), the form and the weights of both losses (25 is PromptSRC's for its L1 distance over
# texts), vision prompts as IVLP has them. Optimizer and rate are those of ivlp_vit_b16.py.
# Every clip of a batch encodes all classes anew: a step costs as many passes through the text tower as it has clips.
# Dataset and protocol come from the environment: GA2MM_DATASET is ucf101, hmdb51, ssv2 or k400,
# GA2MM_PROTOCOL is base2novel or fewshot.
_base_ = [
    '../_base_/models/zero_shot_vit_b16.py',
    '../_base_/datasets/{{$GA2MM_DATASET:ucf101}}_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/default_runtime.py',
]

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=4, depth=9),
        text_prompt=dict(type='AttributeRetrieval')),
    losses=[
        dict(type='DualStreamContrastiveLoss', loss_weight=1.0),
        dict(type='SelfRegularizationLoss', form='l1', loss_weight=25.0),
    ])

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=2.5e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=4)
