# CLIP ViT-B/16 without prompts.
model = dict(
    type='CLIPRecognizer',
    # For HMDB51, UCF101 and Something-Something v2 the authors start from a ViT-B/16 that was tuned on
    # Kinetics-400. To do the same, give such weights here as a file: pretrained='checkpoints/NAME.pt'.
    backbone=dict(type='OpenCLIP', arch='ViT-B-16-quickgelu', pretrained='openai'),
    cls_head=dict(type='CoupledPromptHead', template='a video of a person {}.'))
