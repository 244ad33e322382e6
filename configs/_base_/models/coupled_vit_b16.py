# Deep prompts on CLIP ViT-B/16, the text tower's coupled to a hard prompt.
_base_ = './deep_prompts_vit_b16.py'

model = dict(
    cls_head=dict(
        text_prompt=dict(
            type='CoupledPrompt',
            dropout=0.5,
            # Written by tools/convert/hard_prompt.py from a finished run on another dataset.
            hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k400.safetensors}}',
            # True accepts one learnt on another CLIP of the same width, as the release does where the
            # backbone was tuned on Kinetics-400 in between.
            allow_other_clip=False)))
