# Plain deep prompts in both towers (IVLP): 4 tokens, depth 3.
_base_ = './miniature_zero_shot.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=4, depth=3),
        text_prompt=dict(type='DeepPrompt', length=4, depth=3)))
