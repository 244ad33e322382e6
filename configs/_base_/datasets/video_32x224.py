# How videos become clips of 32 frames at 224 pixels. The dataset's own files are set by the configs beside
# this one, which leave the pipelines alone.
train_pipeline = [
    dict(type='OpenVideo'),
    dict(type='UniformSample', clip_len=32),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='RandomResizedCrop'),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='TorchVisionWrapper', op='RandomGrayscale', p=0.2),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# Testing: one clip, the centre crop. The released code takes the first frame of each of 32 segments,
# UniformSample the middle one.
test_pipeline = [
    dict(type='OpenVideo'),
    dict(type='UniformSample', clip_len=32, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]

train_dataset = dict(type='ActionVideoDataset', pipeline=train_pipeline)
test_dataset = dict(type='ActionVideoDataset', pipeline=test_pipeline, test_mode=True)
# Irrelevant videos for the anchors; the configs of Kinetics-400 take others.
anchor_dataset = dict(
    type='AnchorVideoDataset',
    ann_file='data/kinetics400/annotations/anchors.txt',
    data_prefix=dict(video='data/kinetics400/videos'),
    pipeline=train_pipeline)

train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False))

test_evaluator = dict(type='Accuracy')
