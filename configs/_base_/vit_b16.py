# CLIP ViT-B/16 without prompts, and the parts that methods add to it.
model = dict(
    type='CLIPRecognizer',
    # For HMDB51, UCF101 and Something-Something v2 the authors start from a ViT-B/16 tuned on Kinetics-400.
    # To do the same, give the file of such weights: GA2MM_CLIP=checkpoints/NAME.pt tools/dist_train.sh ...
    backbone=dict(type='OpenCLIP', arch='ViT-B-16-quickgelu', weights='{{$GA2MM_CLIP:openai}}'),
    cls_head=dict(type='CoupledPromptHead', template='a video of a person {}.'))

# Plain deep prompts in both towers (IVLP): 16 tokens, depth 9, as in the released code.
deep_prompts = dict(
    vision_prompt=dict(type='DeepPrompt', length=16, depth=9),
    text_prompt=dict(type='DeepPrompt', length=16, depth=9))

# GA2-CLIP adds a hard prompt that is coupled to the text prompt, and one anchor clip per GPU and step.
coupling = dict(
    type='HardPromptCoupling',
    dropout=0.5,
    # tools/convert/hard_prompt.py writes it from a finished run on another dataset.
    hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k400.safetensors}}',
    # True accepts a hard prompt of another CLIP with the same width. The release does so if the backbone was
    # tuned on Kinetics-400 in between.
    allow_other_clip='{{$GA2MM_CLIP:openai}}' != 'openai')
anchors = dict(negatives=dict(names=['else']), strategies=[dict(type='FeatureConsistency', weight=1.0)])
anchor_batch_sampler = dict(type='AnchorBatchSampler', num_anchors=1)
