# MaPLe (arXiv 2210.03117): deep text prompts, and vision prompts that are linear maps of them.
# Length, depth, optimizer and learning rate: as in MaPLe's released code (vit_b16_c2_ep5_batch4_2ctx).
# Different from the release: clips of 32 frames instead of images, epochs and warm-up of _base_/videos.py,
# and a learning rate scaled with the clips per step (auto_scale_lr.base_batch_size is the release's batch
# size).
#   GA2MM_DATASET=hmdb51 GA2MM_PROTOCOL=fewshot tools/dist_train.sh configs/zoo/maple_vit_b16.py 8
# Measured only on the miniature world (miniature.py): base-to-novel HM 82.6 (docs/zoo.md).
_base_ = '../baselines/zero_shot.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='ProjectedPrompt'),
        text_prompt=dict(type='DeepPrompt', length=2, depth=9, init_words='a photo of a')))

optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=3.5e-3, momentum=0.9, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=4)
