_base_ = '{{$GA2MM_CONFIGS:../../../configs}}/ga2/k400_fewshot.py'

custom_imports = dict(imports='models')
