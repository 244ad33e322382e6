# What GA2-CLIP adds to a prompt learner of the miniature world: a hard prompt coupled to its text prompt, and anchors.
# docs/zoo.md shows the five lines that add it to a method.

# The hard prompt, of 4 tokens, is what miniature_source.py learns. Without dropout, which here costs base and novel
# accuracy (docs/anchors.md).
coupling = dict(
    type='HardPromptCoupling',
    dropout=0.0,
    hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/miniature_source.safetensors}}')

# The negatives are the class names of the irrelevant videos.
anchors = dict(
    negatives=dict(
        names=[
            f'{shape} {action}' for shape in ('arrow', 'window', 'drop', 'oval') for action in (
                'sliding', 'rising', 'falling', 'spinning', 'orbiting', 'growing', 'glowing', 'bouncing', 'shaking')
        ]),
    strategies=[dict(type='FeatureConsistency', weight=3.0)])
anchor_batch_sampler = dict(type='AnchorBatchSampler', num_anchors=8)
