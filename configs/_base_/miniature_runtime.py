_base_ = './default_runtime.py'

# A run takes seconds: the checkpoint of its end is enough.
default_hooks = dict(checkpoint=dict(interval=12))
