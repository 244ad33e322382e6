# What GA2-CLIP adds to a prompt learner on CLIP ViT-B/16: a hard prompt coupled to its text prompt, and anchors.
# docs/zoo.md shows the five lines that add it to a method.
coupling = dict(
    type='HardPromptCoupling',
    dropout=0.5,
    # Written by tools/convert/hard_prompt.py from a finished run on another dataset.
    hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k400.safetensors}}',
    # True accepts one learnt on another CLIP of the same width, as the release does where the
    # backbone was tuned on Kinetics-400 in between.
    allow_other_clip=False)
anchors = dict(negatives=dict(names=['else']), strategies=[dict(type='FeatureConsistency', weight=1.0)])
# One clip a GPU and step.
anchor_batch_sampler = dict(type='AnchorBatchSampler', num_anchors=1)
