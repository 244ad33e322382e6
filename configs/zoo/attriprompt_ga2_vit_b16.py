# AttriPrompt with GA2-CLIP's coupled hard prompt and anchors.
# Its vision tower has no prompts, so of the anchors only the negatives act, and a warning says so.
# Hard prompt: that of ivlp_vit_b16.py, tuned on Kinetics-400: a pool of prompts is none.
_base_ = ['./attriprompt_vit_b16.py', '../_base_/models/ga2_plug_in_vit_b16.py']

model = dict(
    cls_head=dict(coupling=dict(_base_.coupling, hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k400_ivlp.safetensors}}')),
    anchors=_base_.anchors)
train_dataloader = dict(
    batch_sampler=_base_.anchor_batch_sampler,
    dataset=dict(
        _delete_=True, type='AnchorDataset', dataset=_base_.train_dataset, anchors=_base_.anchor_dataset))
