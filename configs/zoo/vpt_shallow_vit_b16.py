# VPT-Shallow (arXiv 2203.12119): prompts at the input of the vision tower.
# Length, optimizer and learning rate: as in MaPLe's released code for deep VPT, here with depth 1.
# The text is our template instead of "a photo of a".
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/zoo/vpt_shallow_vit_b16.py 8
# Measured only on the miniature world (miniature.py): base-to-novel HM 79.9 (docs/zoo.md).
_base_ = './vpt_deep_vit_b16.py'

model = dict(cls_head=dict(vision_prompt=dict(depth=1)))
