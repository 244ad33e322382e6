# Miniature world: CoOp (arXiv 2109.01134): a learnt context in the place of a template.
# As coop_vit_b16.py, with the sizes, optimizer and budget of the other miniature methods.
_base_ = '../ga2/miniature_zero_shot.py'

model = dict(
    cls_head=dict(
        text_prompt=dict(type='ContextPrompt', length=4, init_words='a video of a')))
