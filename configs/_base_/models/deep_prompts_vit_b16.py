# Plain deep prompts in both towers of CLIP ViT-B/16 (IVLP): 16 tokens, depth 9, as the release has them.
model = dict(
    type='CLIPRecognizer',
    # For HMDB51, UCF101 and Something-Something v2 the authors start from a ViT-B/16 that was tuned on
    # Kinetics-400. To do the same, give such weights here as a file: pretrained='checkpoints/NAME.pt'.
    backbone=dict(type='OpenCLIP', arch='ViT-B-16-quickgelu', pretrained='openai'),
    cls_head=dict(
        type='CoupledPromptHead',
        template='a video of a person {}.',
        vision_prompt=dict(type='DeepPrompt', length=16, depth=9),
        text_prompt=dict(type='DeepPrompt', length=16, depth=9)))
