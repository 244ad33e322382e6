# GA2-CLIP on CLIP ViT-B/16 with the released sizes: 16 prompt tokens, depth 9 in both towers.
model = dict(
    type='CLIPRecognizer',
    # For HMDB51, UCF101 and Something-Something v2 the authors start from a ViT-B/16 that was tuned on
    # Kinetics-400. To do the same, give such weights here as a file: pretrained='checkpoints/NAME.pt'.
    backbone=dict(type='OpenCLIP', arch='ViT-B-16-quickgelu', pretrained='openai'),
    cls_head=dict(
        type='CoupledPromptHead',
        template='a video of a person {}.',
        vision_prompt=dict(type='DeepPrompt', length=16, depth=9),
        text_prompt=dict(
            type='CoupledPrompt',
            length=16,
            depth=9,
            dropout=0.5,
            # Written by tools/export_hard_prompt.py from a finished run on another dataset.
            hard_prompt='hard_prompts/k400.safetensors')),
    anchors=dict(negatives=['else'], strategies=[dict(type='FeatureConsistency', weight=1.0)]))
