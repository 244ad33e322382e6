"""Videos, and pipelines that read them."""

from pathlib import Path

import cv2
import numpy as np
from mmengine.runner import Runner

from ga2mm.datasets import ActionVideoDataset
from ga2mm.registry import DATASETS

FRAMES = 24


def write_video(path: Path, codec: str, seed: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (64, 48))
    generator = np.random.default_rng(seed)
    for _ in range(FRAMES):
        writer.write(generator.integers(100, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()


def make_pipeline(clip_len: int = 4) -> list[dict]:
    return [
        dict(type='OpenVideo'),
        dict(type='UniformSample', clip_len=clip_len),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(32, 32), keep_ratio=False),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]


def read_all(dataset, num_workers: int) -> list[dict]:
    config = dict(
        batch_size=2,
        num_workers=num_workers,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dataset,
        collate_fn=dict(type='pseudo_collate'),
    )
    batches = list(Runner.build_dataloader(config, seed=0))
    return [
        dict(inputs=inputs, data_samples=sample)
        for batch in batches
        for inputs, sample in zip(batch['inputs'], batch['data_samples'], strict=True)
    ]


CLASSES = ['jump', 'run', 'swim']
UNREADABLE = ['missing.mp4', 'empty.mp4', 'truncated.mp4', 'garbled.mp4', 'text.mp4', 'absurd.mp4']


def make_dataset(videos: Path, lines: list[str], tmp_path: Path, **arguments) -> ActionVideoDataset:
    ann_file = tmp_path / 'list.txt'
    ann_file.write_text('\n'.join(lines))
    config = dict(
        type='ActionVideoDataset',
        ann_file=str(ann_file),
        pipeline=make_pipeline(),
        label_map=CLASSES,
        split='base',
        data_prefix=dict(video=str(videos)),
    )
    return DATASETS.build(config | arguments)
