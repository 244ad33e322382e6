# GA2-CLIP (arXiv 2511.22125) on Kinetics-400, 16-shot, the released recipe.
# Anchors: videos of 100 classes of Kinetics-600 that are not in Kinetics-400, one clip per GPU and step.
# Hard prompt: from a run of k600_source.py. UCF101, HMDB51 and SSv2 take theirs from a run of
# k400_base2novel.py.
#   tools/dist_train.sh configs/ga2/k400_fewshot.py 8
# No published result, and not measured with this code.
_base_ = ['../_base_/vit_b16.py', '../_base_/videos.py']
globals().update(_base_.pop('videos')['k400_fewshot'])

coupling = dict(hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/k600_not_in_k400.safetensors}}')
model = dict(cls_head=dict(**_base_.deep_prompts, coupling=dict(_base_.coupling, **coupling)), anchors=_base_.anchors)
train_dataloader.update(batch_sampler=_base_.anchor_batch_sampler)
train_dataloader.dataset.update(anchors=anchor_dataset)
