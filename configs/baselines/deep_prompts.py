# Plain deep prompts in both towers of CLIP ViT-B/16 (IVLP), with the sizes and the schedule of GA2-CLIP.
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/baselines/deep_prompts.py 8
# Not measured with this code.
_base_ = './zero_shot.py'

model = dict(cls_head=_base_.deep_prompts)
