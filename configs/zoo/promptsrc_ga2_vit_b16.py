# PromptSRC with GA2-CLIP's coupled hard prompt and anchors.
# What it holds to the frozen CLIP on the labelled clips it keeps; the anchors are held beside them.
# Hard prompt: the prompt of promptsrc_vit_b16.py, tuned on Kinetics-400 (docs/zoo.md).
_base_ = ['./promptsrc_vit_b16.py', '../_base_/models/ga2_plug_in_vit_b16.py']

model = dict(
    cls_head=dict(coupling=dict(_base_.coupling, hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k400_promptsrc.safetensors}}')),
    anchors=_base_.anchors)
train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True, type='AnchorDataset', dataset=_base_.train_dataset, anchors=_base_.anchor_dataset))
