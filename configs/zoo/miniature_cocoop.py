# Miniature world: CoCoOp (arXiv 2203.05557): a learnt context that every clip shifts.
# As cocoop_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ConditionalPrompt', length=4, init_words='a video of a')))
