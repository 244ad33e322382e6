# Plain deep prompts in both towers (IVLP). Dataset and protocol come from the environment:
# GA2MM_DATASET is ucf101, hmdb51, ssv2 or k400, GA2MM_PROTOCOL is base2novel or fewshot.
_base_ = [
    '../_base_/models/deep_prompts_vit_b16.py',
    '../_base_/datasets/{{$GA2MM_DATASET:ucf101}}_{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/schedules/{{$GA2MM_PROTOCOL:base2novel}}.py',
    '../_base_/default_runtime.py',
]
