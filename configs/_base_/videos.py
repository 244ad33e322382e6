# The video datasets with their protocols: clips, lists and schedules. A config takes one entry of `videos`:
#
#   globals().update(_base_.pop('videos')['ucf101_base2novel'])
#
# The entries are DATASET_base2novel and DATASET_fewshot for ucf101, hmdb51, ssv2 (Something-Something v2) and
# k400 (Kinetics-400), and k600_source. To add a dataset, add a line to `datasets`. Lists have `path label`
# lines; ViFi-CLIP publishes lists and label maps (docs/data.md). A variable selects another training list:
# GA2MM_TRAIN_LIST=few_shot/train1_few_shot_4.txt tools/dist_train.sh ...
_base_ = './default_runtime.py'

# ---- Clips of 32 frames with 224 pixels. Lazy steps compute the crop in the decoded frame; Fuse cuts it out and
# interpolates once.
pipelines = dict(
    train_pipeline=[
        dict(type='OpenVideo'),
        dict(type='UniformSample', clip_len=32),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(-1, 256), lazy=True),
        dict(type='RandomResizedCrop', lazy=True),
        dict(type='Resize', scale=(224, 224), keep_ratio=False, lazy=True),
        dict(type='Flip', flip_ratio=0.5, lazy=True),
        dict(type='Fuse'),
        dict(type='RandomGrayscaleClip', prob=0.2),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ],
    # One clip, the centre crop. UniformSample takes the middle frame of each of 32 segments, the released
    # code the first one.
    test_pipeline=[
        dict(type='OpenVideo'),
        dict(type='UniformSample', clip_len=32, test_mode=True),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(-1, 256), lazy=True),
        dict(type='CenterCrop', crop_size=224, lazy=True),
        dict(type='Fuse'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ])
# Frames of 240x320 pixels, without flip, because class names of Something-Something v2 have left and right.
ssv2_pipelines = dict(
    train_pipeline=[
        dict(type='OpenVideo'),
        dict(type='UniformSample', clip_len=32),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(320, 240), keep_ratio=False, lazy=True),
        dict(type='MultiScaleCrop', input_size=224, scales=(1, 0.875, 0.75, 0.66), lazy=True),
        dict(type='Resize', scale=(224, 224), keep_ratio=False, lazy=True),
        dict(type='Fuse'),
        dict(type='RandomGrayscaleClip', prob=0.2),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ],
    test_pipeline=[
        dict(type='OpenVideo'),
        dict(type='UniformSample', clip_len=32, test_mode=True),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(320, 240), keep_ratio=False, lazy=True),
        dict(type='CenterCrop', crop_size=224, lazy=True),
        dict(type='Fuse'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ])

# ---- Irrelevant videos: Kinetics-400, and for Kinetics-400 other classes of Kinetics-600.
k400_anchors = dict(
    ann_file='data/kinetics400/annotations/anchors.txt', data_prefix=dict(video='data/kinetics400/videos'))
k600_anchors = dict(
    ann_file='data/kinetics600/annotations/not_in_kinetics400.txt', data_prefix=dict(video='data/kinetics600/videos'))

# ---- The datasets: folder, label maps of all, base and novel classes.
datasets = dict(
    ucf101=dict(data_root='data/ucf101/', labels=['ucf_101_labels', 'ucf_101_base_labels', 'ucf_101_novel_labels']),
    hmdb51=dict(data_root='data/hmdb51/', labels=['hmdb_51_labels', 'hmdb_51_base_labels', 'hmdb_51_novel_labels']),
    ssv2=dict(
        data_root='data/sthv2/',
        labels=['ssv2_labels', 'ssv2_174_base_labels', 'ssv2_174_novel_labels'],
        pipelines=ssv2_pipelines,
        batch_size=4),
    k400=dict(
        data_root='data/kinetics400/',
        labels=['kinetics_400_labels', 'kinetics_400_base_labels', 'kinetics_400_novel_labels'],
        anchors=k600_anchors))


def schedule(epochs, warm_up, lr):
    """A linear warm-up, then a cosine. Betas and the last rate are those of ViFi-CLIP, as in the released code."""
    return dict(
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=lr, betas=(0.9, 0.98), weight_decay=1e-3)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=warm_up, convert_to_iter_based=True),
            dict(
                type='CosineAnnealingLR',
                T_max=epochs - warm_up,
                eta_min_ratio=0.01,
                by_epoch=True,
                begin=warm_up,
                end=epochs,
                convert_to_iter_based=True),
        ])


# The learning rates are for 64 clips per step, 8 on each of 8 GPUs. They are scaled linearly with the actual
# number of labelled clips per step (GPUs x train_dataloader.batch_size), unless enable=False.
auto_scale_lr = dict(enable=True, base_batch_size=64)
base2novel_schedule = schedule(epochs=12, warm_up=2, lr=4e-2)
fewshot_schedule = schedule(epochs=30, warm_up=5, lr=8e-3)

test_cfg = dict(type='ProtocolTestLoop')
test_evaluator = dict(type='Accuracy')
test_loader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False))


def entry(data_root, train, tests, pipelines=pipelines, batch_size=8, anchors=k400_anchors):
    """Dataloaders. The training list and the test lists by name are (file, label map, split)."""

    def dataset(pipeline, files=None, **more):
        if files is not None:
            ann_file, label_map, split = files
            more.update(ann_file=data_root + ann_file, label_map=label_map, split=split)
            more.update(data_prefix=dict(video=data_root + 'videos'))
        return dict(type='ActionVideoDataset', pipeline=pipeline, **more)

    train_pipeline, test_pipeline = pipelines['train_pipeline'], pipelines['test_pipeline']
    train_dataset = dataset(train_pipeline, train)
    return dict(
        data_root=data_root,
        train_pipeline=train_pipeline,
        test_pipeline=test_pipeline,
        train_dataset=train_dataset,
        test_dataset=dataset(test_pipeline, test_mode=True),
        anchor_dataset=dict(type='AnchorVideoDataset', pipeline=train_pipeline, **anchors),
        # Anchors of the calibration in tests, made from the training clips.
        calibration_anchors=dict(
            type='GeneratedAnchors', kind='shuffled_patches', dataset=dataset(test_pipeline, train)),
        train_dataloader=dict(
            batch_size=batch_size,
            num_workers=8,
            persistent_workers=True,
            sampler=dict(type='DefaultSampler', shuffle=True),
            # Methods with anchors add them here.
            dataset=dict(type='AnchorDataset', dataset=train_dataset)),
        test_dataloader={
            name: dict(**test_loader, dataset=dataset(test_pipeline, files, test_mode=True))
            for name, files in tests.items()
        })


videos = {}
for name, each in datasets.items():
    labels, base_labels, novel_labels = [f'{each["data_root"]}labels/{one}.csv' for one in each.pop('labels')]
    # Tuned on 16 clips of each base class, tested on base and novel classes.
    videos[f'{name}_base2novel'] = dict(
        base_labels=base_labels,
        novel_labels=novel_labels,
        **base2novel_schedule,
        **entry(
            train=('{{$GA2MM_TRAIN_LIST:base2novel/fs_base_s1_train.txt}}', base_labels, 'base'),
            tests=dict(
                base=('base2novel/base_val.txt', base_labels, 'base'),
                novel=('base2novel/novel_val.txt', novel_labels, 'novel')),
            **each))
    # Tuned on 16 clips of each class, tested on all classes.
    videos[f'{name}_fewshot'] = dict(
        labels=labels,
        **fewshot_schedule,
        **entry(
            train=('{{$GA2MM_TRAIN_LIST:few_shot/train1_few_shot_16.txt}}', labels, 'all'),
            tests=dict(all=('few_shot/val1.txt', labels, 'all')),
            **each))
# Kinetics-600, 16 clips of each of 100 classes that are not in Kinetics-400: the source of the hard prompt
# and of the anchors for Kinetics-400. The release takes the first 100 by alphabet.
labels = 'data/kinetics600/labels/not_in_kinetics400.csv'
videos['k600_source'] = dict(
    labels=labels,
    **base2novel_schedule,
    **entry(
        'data/kinetics600/',
        train=('annotations/not_in_kinetics400.txt', labels, 'all'),
        tests=dict(all=('annotations/not_in_kinetics400_val.txt', labels, 'all'))))
del pipelines, ssv2_pipelines, k400_anchors, k600_anchors, base2novel_schedule, fewshot_schedule
del datasets, name, each, labels, base_labels, novel_labels
