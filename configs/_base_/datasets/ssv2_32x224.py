# Something-Something v2: frames to 240x320, multi-scale crop, and no flip, since left and right are
# part of its classes.
_base_ = './video_32x224.py'

train_pipeline = [
    dict(type='OpenVideo'),
    dict(type='UniformSample', clip_len=32),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(320, 240), keep_ratio=False),
    dict(type='MultiScaleCrop', input_size=224, scales=(1, 0.875, 0.75, 0.66)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='TorchVisionWrapper', op='RandomGrayscale', p=0.2),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
test_pipeline = [
    dict(type='OpenVideo'),
    dict(type='UniformSample', clip_len=32, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(320, 240), keep_ratio=False),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]

train_dataset = dict(type='ActionVideoDataset', pipeline=train_pipeline)
test_dataset = dict(type='ActionVideoDataset', pipeline=test_pipeline, test_mode=True)
anchor_dataset = dict(pipeline=train_pipeline)

train_dataloader = dict(batch_size=4)
