# AttriPrompt (arXiv 2509.05949) on the miniature world, as far as it goes: each clip retrieves its text prompts. Its
# two losses are not joined to the recognizer yet, and no accuracy has been measured (docs/zoo.md).
_base_ = '../ga2/miniature_deep_prompts.py'

model = dict(cls_head=dict(text_prompt=dict(_delete_=True, type='AttributeRetrieval')))
