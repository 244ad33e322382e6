# Deep prompts, the text tower's coupled to the hard prompt that miniature_source.py learns. Without dropout, which
# here costs base and novel accuracy (docs/anchors.md).
_base_ = './miniature_deep_prompts.py'

model = dict(
    cls_head=dict(
        text_prompt=dict(
            type='CoupledPrompt',
            dropout=0.0,
            hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/miniature_source.safetensors}}')))
