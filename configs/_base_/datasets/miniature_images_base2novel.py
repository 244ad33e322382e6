# Miniature world as still images, base-to-novel: of each video the middle frame alone, a clip of one frame.
# GA2MM_PROTOCOL=images_base2novel chooses it.
_base_ = './miniature_base2novel.py'

pipeline = [
    dict(type='OpenVideo'),
    dict(type='UniformSample', clip_len=1, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]

train_dataset = dict(pipeline=pipeline)
anchor_dataset = dict(pipeline=pipeline)
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(
    base=dict(dataset=dict(pipeline=pipeline)),
    novel=dict(dataset=dict(pipeline=pipeline)))
