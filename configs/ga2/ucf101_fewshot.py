# GA2-CLIP (arXiv 2511.22125) on UCF101, 16-shot, the released recipe.
# Anchors: videos of Kinetics-400, one clip per GPU and step. Some target classes are also in
# Kinetics-400. Hard prompt: from a run of k400_base2novel.py.
#   tools/dist_train.sh configs/ga2/ucf101_fewshot.py 8
# Published, with a CLIP tuned on Kinetics-400 first: top-1 95.5.
# Not measured with this code (docs/results.md).
_base_ = ['../_base_/vit_b16.py', '../_base_/videos.py']
globals().update(_base_.pop('videos')['ucf101_fewshot'])

model = dict(cls_head=dict(**_base_.deep_prompts, coupling=_base_.coupling), anchors=_base_.anchors)
train_dataloader.update(batch_sampler=_base_.anchor_batch_sampler)
train_dataloader.dataset.update(anchors=anchor_dataset)
