# The miniature world: videos of 8 frames of 32 pixels, of which a clip takes 4. Training has no
# augmentation, so that a run depends on its seed alone, whatever the number of processes and workers.
# Written by: python tools/data/make_miniature.py. GA2MM_STYLE=strong is a harder shift from CLIP's images.
pipeline = [
    dict(type='OpenVideo', keep_frames=True),
    dict(type='UniformSample', clip_len=4, test_mode=True),
    dict(type='DecodeFrames'),
    # For videos of other sizes, and the black frames that stand in for an unreadable one.
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
data_root = 'data/miniature/{{$GA2MM_STYLE:mild}}/'

train_dataset = dict(type='ActionVideoDataset', pipeline=pipeline)
test_dataset = dict(type='ActionVideoDataset', pipeline=pipeline, test_mode=True)
anchor_dataset = dict(
    type='AnchorVideoDataset',
    ann_file=data_root + 'irrelevant/videos.txt',
    data_prefix=dict(video=data_root + 'irrelevant/videos'),
    pipeline=pipeline)

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=60,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False))

val_evaluator = dict(type='Accuracy')
test_evaluator = dict(type='Accuracy')
