# A method of this folder with GA2-CLIP's coupled hard prompt and anchors on CLIP ViT-B/16. GA2MM_METHOD
# selects the file METHOD_vit_b16.py:
#   GA2MM_METHOD=maple GA2MM_DATASET=hmdb51 tools/dist_train.sh configs/zoo/plus_ga2_vit_b16.py 8 \
#       --work-dir work_dirs/maple_plus_ga2
# - Hard prompt: the method's own text prompt, tuned on Kinetics-400 (docs/zoo.md).
# - VPT, ViFi-CLIP and FROSTER have no text prompt to couple, so CoOp's context and hard prompt are used.
# - AttriPrompt has a pool of prompts, which cannot be a hard prompt. It uses IVLP's hard prompt.
# - CoOp, CoCoOp and AttriPrompt do not change the vision tower, so of the anchors only the negatives have an
#   effect, and a warning is logged. CoCoOp and AttriPrompt encode classes and negatives again for each clip.
# - PromptSRC and FROSTER keep their own consistency losses with the frozen CLIP.
# Measured only on the miniature world (miniature_plus_ga2.py): docs/zoo.md.
_base_ = './{{$GA2MM_METHOD:maple}}_vit_b16.py'

method = '{{$GA2MM_METHOD:maple}}'
sources = dict(vpt_shallow='coop', vpt_deep='coop', vificlip='coop', froster='coop', attriprompt='ivlp')
source = sources.get(method, method)
hard_prompt = '{{$GA2MM_HARD_PROMPT:METHODS_OWN}}'.replace('METHODS_OWN', f'hard_prompts/k400_{source}.safetensors')
model = dict(
    cls_head=dict(
        text_prompt=_base_.model.cls_head.get(
            'text_prompt', dict(type='ContextPrompt', length=4, init_words='a photo of a')),
        coupling=dict(_base_.coupling, hard_prompt=hard_prompt)),
    anchors=_base_.anchors)
train_dataloader = dict(batch_sampler=_base_.anchor_batch_sampler, dataset=dict(anchors=_base_.anchor_dataset))
del method, source, sources, hard_prompt
