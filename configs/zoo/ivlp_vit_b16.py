# IVLP (arXiv 2210.03117, 2212.03640): deep prompts in both towers that share nothing.
# Lengths, depths, optimizer and rate as the code released with PromptSRC has them for IVLP.
_base_ = '../_base_/zoo_vit_b16.py'

model = dict(
    cls_head=dict(
        vision_prompt=dict(type='DeepPrompt', length=4, depth=9),
        text_prompt=dict(type='DeepPrompt', length=4, depth=9, init_words='a photo of a')))

optim_wrapper = dict(optimizer=dict(lr=2.5e-3))
auto_scale_lr = dict(base_batch_size=4)
