# GA2-CLIP (arXiv 2511.22125) on HMDB51, base-to-novel, the released recipe.
# Anchors: videos of Kinetics-400, one clip per GPU and step. Some target classes are also in
# Kinetics-400. Hard prompt: from a run of k400_base2novel.py.
#   tools/dist_train.sh configs/ga2/hmdb51_base2novel.py 8
# Published, with a CLIP tuned on Kinetics-400 first: base 78.3, novel 58.9, HM 67.2.
# Not measured with this code (docs/results.md).
_base_ = ['../_base_/vit_b16.py', '../_base_/videos.py']
globals().update(_base_.pop('videos')['hmdb51_base2novel'])

model = dict(cls_head=dict(**_base_.deep_prompts, coupling=_base_.coupling), anchors=_base_.anchors)
train_dataloader.update(batch_sampler=_base_.anchor_batch_sampler)
train_dataloader.dataset.update(anchors=anchor_dataset)
# The learning rate of the prompts is a tenth of the mapping layer's here: 4e-3 and 4e-2.
optim_wrapper.update(paramwise_cfg=dict(custom_keys={'soft_prompt': dict(lr_mult=0.1)}))
