_base_ = '{{$GA2MM_CONFIGS:../../../configs}}/ga2/k600_source.py'

custom_imports = dict(imports='models')
