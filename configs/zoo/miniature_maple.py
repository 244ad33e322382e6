# Miniature world: MaPLe (arXiv 2210.03117): deep text prompts, and vision prompts that are linear maps of them.
# As maple_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='ProjectedPrompt'),
        text_prompt=dict(type='DeepPrompt', length=4, depth=3, init_words='a video of a')))
