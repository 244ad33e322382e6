_base_ = '{{$GA2MM_CONFIGS:../../../configs}}/ga2/ssv2_base2novel.py'

custom_imports = dict(imports='models')
