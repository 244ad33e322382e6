# Plain deep prompts in both towers of CLIP ViT-B/16 (IVLP): 16 tokens, depth 9, as the release has them.
_base_ = './zero_shot_vit_b16.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=16, depth=9),
        text_prompt=dict(type='DeepPrompt', length=16, depth=9)))
