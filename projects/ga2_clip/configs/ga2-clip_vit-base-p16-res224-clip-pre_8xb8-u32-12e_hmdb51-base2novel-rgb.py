_base_ = '{{$GA2MM_CONFIGS:../../../configs}}/ga2/hmdb51_base2novel.py'

custom_imports = dict(imports='models')
