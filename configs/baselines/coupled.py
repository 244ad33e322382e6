# GA2-CLIP without its anchors: deep prompts, and a hard prompt coupled to the text prompt.
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/baselines/coupled.py 8
# Not measured with this code.
_base_ = './deep_prompts.py'

model = dict(cls_head=dict(coupling=_base_.coupling))
