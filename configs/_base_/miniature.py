# The miniature world: the tiny CLIP of the package, the parts that methods add to it, and generated videos
# (docs/miniature.md) with their protocols. A config takes one entry of `protocols`:
#
#   globals().update(_base_.pop('protocols')['base2novel'])
#
# To write the videos: python tools/data/make_miniature.py. Variables select the data:
#   GA2MM_STYLE       mild, or strong, with a larger shift from CLIP's images
#   GA2MM_DRAW        number of the class draw
#   GA2MM_TRAIN_LIST  base_train_4.txt or all_train_4.txt for 4 clips of each class (also 2 and 8)
#   GA2MM_DATASET     jhmdb or jhmdb_16, folder of the real videos of the protocol jhmdb (docs/real_footage.md)
#   GA2MM_ANCHORS     irrelevant (videos); other_dataset (classes of the source dataset that the target does not
#                     have; of JHMDB for jhmdb_16); or a kind of GeneratedAnchors, made from the labelled clips: noise, blank,
#                     shuffled_patches, blended_patches, blurred, mixed
#   GA2MM_CALIBRATION strength of the calibration by anchors in tests, 0 (none) to 1; the default is 0
#   GA2MM_CALIBRATION_ANCHORS  the anchors of the calibration: one of the values of GA2MM_ANCHORS
_base_ = './default_runtime.py'

# ---- Model
model = dict(
    type='CLIPRecognizer',
    backbone=dict(type='OpenCLIP', arch='miniature', weights='miniature'),
    cls_head=dict(type='CoupledPromptHead', template='a video of a {}.'))

# Plain deep prompts in both towers (IVLP).
deep_prompts = dict(
    vision_prompt=dict(type='DeepPrompt', length=4, depth=3), text_prompt=dict(type='DeepPrompt', length=4, depth=3))

# GA2-CLIP adds anchors and a hard prompt that is coupled to the text prompt. configs/ga2/miniature_source.py
# learns the hard prompt, which has 4 tokens. Dropout lowers base and novel accuracy here (docs/anchors.md).
coupling = dict(
    type='HardPromptCoupling',
    dropout=0.0,
    hard_prompt='{{$GA2MM_HARD_PROMPT:hard_prompts/miniature_source.safetensors}}')
# The negatives are the class names of the irrelevant videos.
anchors = dict(
    negatives=dict(
        names=[
            f'{shape} {action}' for shape in ('arrow', 'window', 'drop', 'oval') for action in (
                'sliding', 'rising', 'falling', 'spinning', 'orbiting', 'growing', 'glowing', 'bouncing', 'shaking',
                'swinging', 'bursting', 'dripping')
        ]),
    strategies=[dict(type='FeatureConsistency', weight=30.0)])
anchor_batch_sampler = dict(type='AnchorBatchSampler', num_anchors=8)

# ---- Schedule: 12 epochs of 12 steps of 16 clips.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=12)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='ProtocolTestLoop')
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-2, weight_decay=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=11, by_epoch=True, begin=1, end=12, convert_to_iter_based=True),
]
# Not scaled: the learning rate was chosen for 16 clips per step, which all processes share.
auto_scale_lr = dict(enable=False, base_batch_size=16)
# A run takes seconds, so one checkpoint is enough.
default_hooks = dict(checkpoint=dict(interval=12))

val_evaluator = dict(type='Accuracy')
test_evaluator = dict(type='Accuracy')

# ---- Data: a clip has 4 of the 8 frames of a video, with 32 pixels. Training has no augmentation, so that a
# run depends on its seed only, and not on the number of processes and workers.
pipeline = [
    dict(type='OpenVideo', keep_frames=True),
    dict(type='UniformSample', clip_len=4, test_mode=True),
    dict(type='DecodeFrames'),
    # For videos of other sizes, and for the black frames that replace an unreadable video.
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# Still images: the middle frame of each video, as a clip of one frame.
image_pipeline = [dict(type='OpenVideo'), dict(type='UniformSample', clip_len=1, test_mode=True), *pipeline[2:]]

data_root = 'data/miniature/{{$GA2MM_STYLE:mild}}/'
test_loader = dict(
    batch_size=60,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False))


anchor_source = '{{$GA2MM_ANCHORS:irrelevant}}'
generated = ['noise', 'blank', 'shuffled_patches', 'blended_patches', 'blurred', 'mixed', 'pasted_centre']
calibration_source = '{{$GA2MM_CALIBRATION_ANCHORS:shuffled_patches}}'
for variable, chosen in dict(GA2MM_ANCHORS=anchor_source, GA2MM_CALIBRATION_ANCHORS=calibration_source).items():
    if chosen not in ('irrelevant', 'other_dataset', *generated):
        raise ValueError(f'{variable}={chosen}; choose one of irrelevant, other_dataset, {", ".join(generated)}')


# The source dataset, some of whose classes are irrelevant videos for the others.
source = dict(
    ann_file=data_root + 'source/train.txt',
    label_map=data_root + 'source/labels.csv',
    data_prefix=dict(video=data_root + 'source/videos'))


def entry(dataset_root, train, val, tests, pipeline=pipeline, videos=None, other=source, **labels):
    """Dataloaders. The training, validation and named test lists are (file, label map, split)."""

    def dataset(files, **more):
        ann_file, label_map, split = files
        return dict(
            type='ActionVideoDataset',
            ann_file=dataset_root + ann_file,
            label_map=label_map,
            split=split,
            data_prefix=dict(video=videos or dataset_root + 'videos'),
            pipeline=pipeline,
            **more)

    train_dataset = dataset(train)
    sources = dict(
        irrelevant=dict(
            type='AnchorVideoDataset',
            ann_file=data_root + 'irrelevant/videos.txt',
            data_prefix=dict(video=data_root + 'irrelevant/videos'),
            pipeline=pipeline),
        other_dataset=dict(
            type='AnchorClassDataset', target_label_maps=list(labels.values()), pipeline=pipeline, **other),
        **{
            kind: dict(type='GeneratedAnchors', kind=kind, dataset=train_dataset)
            for kind in generated
        })
    return dict(
        **labels,
        pipeline=pipeline,
        test_pipeline=pipeline,
        train_dataset=train_dataset,
        test_dataset=dict(type='ActionVideoDataset', pipeline=pipeline, test_mode=True),
        anchor_dataset=sources[anchor_source],
        calibration_anchors=sources[calibration_source],
        train_dataloader=dict(
            batch_size=16,
            num_workers=0,
            persistent_workers=False,
            sampler=dict(type='DefaultSampler', shuffle=True),
            # Methods with anchors add them here.
            dataset=dict(type='AnchorDataset', dataset=train_dataset)),
        val_dataloader=dict(**test_loader, dataset=dataset(val, test_mode=True)),
        test_dataloader={
            name: dict(**test_loader, dataset=dataset(files, test_mode=True))
            for name, files in tests.items()
        })


draw_root = data_root + 'draw{{$GA2MM_DRAW:0}}/'
all_labels, source_labels = draw_root + 'all_labels.csv', data_root + 'source/labels.csv'
base_labels, novel_labels = draw_root + 'base_labels.csv', draw_root + 'novel_labels.csv'
# Tuned on 16 clips of each of 12 base classes, tested on them and on 12 novel classes.
base2novel = dict(
    dataset_root=draw_root,
    base_labels=base_labels,
    novel_labels=novel_labels,
    train=('{{$GA2MM_TRAIN_LIST:base_train.txt}}', base_labels, 'base'),
    val=('base_val.txt', base_labels, 'base'),
    tests=dict(base=('base_test.txt', base_labels, 'base'), novel=('novel_test.txt', novel_labels, 'novel')))
# Real videos of JHMDB, read as those of the miniature world are: 16 clips of each base class.
jhmdb_root = 'data/{{$GA2MM_DATASET:jhmdb}}/'
jhmdb_base, jhmdb_novel = f'{jhmdb_root}labels/jhmdb_base_labels.csv', f'{jhmdb_root}labels/jhmdb_novel_labels.csv'
protocols = dict(
    base2novel=entry(**base2novel),
    images_base2novel=entry(**base2novel, pipeline=image_pipeline),
    # Tuned and tested on all 24 classes of a draw. Validation uses held-out clips of the base classes.
    fewshot=entry(
        draw_root,
        labels=all_labels,
        train=('{{$GA2MM_TRAIN_LIST:all_train.txt}}', all_labels, 'all'),
        val=('base_val.txt', all_labels, 'all'),
        tests=dict(all=('all_test.txt', all_labels, 'all'))),
    jhmdb=entry(
        jhmdb_root,
        base_labels=jhmdb_base,
        novel_labels=jhmdb_novel,
        train=('{{$GA2MM_TRAIN_LIST:base2novel/fs_base_s1_train.txt}}', jhmdb_base, 'base'),
        val=('base2novel/base_holdout.txt', jhmdb_base, 'base'),
        tests=dict(
            base=('base2novel/base_val.txt', jhmdb_base, 'base'),
            novel=('base2novel/novel_val.txt', jhmdb_novel, 'novel')),
        videos='data/jhmdb/videos',
        other=dict(
            ann_file='data/jhmdb/few_shot/train1_few_shot_16.txt',
            label_map='data/jhmdb/labels/jhmdb_labels.csv',
            data_prefix=dict(video='data/jhmdb/videos'))),
    # 20 classes that no other dataset has, for learning the hard prompt.
    source=entry(
        data_root + 'source/',
        labels=source_labels,
        train=('train.txt', source_labels, 'all'),
        val=('test.txt', source_labels, 'all'),
        tests=dict(all=('test.txt', source_labels, 'all'))))
del generated, anchor_source, calibration_source, variable, chosen, pipeline, image_pipeline
del source, jhmdb_root, jhmdb_base, jhmdb_novel
del draw_root, all_labels, source_labels, base_labels, novel_labels, base2novel
