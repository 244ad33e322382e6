"""The work of a run: steps, clips and floating-point operations, from its config."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ga2mm.benchmark.cell import Cell
from ga2mm.checks.config_lists import innermost_datasets
from ga2mm.datasets import read_annotation, read_label_map
from ga2mm.engine.protocol_test_sets import named_sets

OPERATIONS = {
    'ViT-B-16-quickgelu': dict(
        trained_frame=63.3, compared_frame=95.4, tested_frame=32.1, trained_class=0.46, tested_class=0.23
    )
}
"""Giga operations of GA2-CLIP with 16 prompt tokens in 9 layers, by the counter of benchmark_speed.py.

A *compared* frame also passes the frozen CLIP: frames of anchors, and labelled ones if a loss needs that.
"""

SHOTS = 16
"""Shots of a list that does not exist yet, in a benchmark that does not vary them."""


@dataclass(frozen=True)
class Work:
    """The work of a run.

    Args:
        steps: Training steps, each of all processes together.
        step_operations: Giga operations of a step of one process.
        step_clips: Clips that a process decodes for a step.
        test_clips: Clips of all test sets.
        clip_operations: Giga operations of a tested clip.
    """

    steps: int
    step_operations: float
    step_clips: int
    test_clips: int
    clip_operations: float


def work_of(cell: Cell, sizes: dict[str, int], processes: int) -> Work:
    """Compute the work of a run.

    Args:
        cell: The run.
        sizes: Numbers of rows of lists and label maps that do not exist.
        processes: Processes of the run, which share the steps.

    Raises:
        ValueError: The architecture is not in :data:`OPERATIONS`, or a list neither exists nor has a size.
    """
    cfg = cell.read_config()
    arch = cfg.model.backbone.get('arch')
    if arch not in OPERATIONS:
        raise ValueError(f'{cell.config}: the work of {arch} is unknown; known: {", ".join(OPERATIONS)}')
    costs = OPERATIONS[arch]
    tests = [one.dataset for _, _, one in named_sets(cfg.test_dataloader)]
    frames = _frames(tests[0])
    test_clips = sum(_rows(one.ann_file, sizes) for one in tests)
    steps, step_operations, step_clips = 0, 0.0, 0
    if cell.trains:
        loader = cfg.train_dataloader
        [dataset] = innermost_datasets(loader.dataset)
        classes = _rows(dataset.label_map, sizes)
        videos = _rows(dataset.ann_file, {dataset.ann_file: classes * (cell.shots or SHOTS), **sizes})
        anchors = (loader.get('batch_sampler') or {}).get('num_anchors', 0)
        labelled = costs['compared_frame' if cfg.model.get('losses') else 'trained_frame']
        steps = math.ceil(videos / (loader.batch_size * processes)) * cfg.train_cfg.max_epochs
        frames_of = _frames(dataset) * loader.batch_size, _frames(dataset) * anchors
        step_operations = (
            frames_of[0] * labelled
            + frames_of[1] * costs['compared_frame']
            + classes * costs['trained_class']
        )
        step_clips = loader.batch_size + anchors
    return Work(steps, step_operations, step_clips, test_clips, frames * costs['tested_frame'])


def lists_of(cfg: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the configs of all datasets with an annotation file in a part of a config."""
    if isinstance(cfg, dict):
        if isinstance(cfg.get('ann_file'), str):
            yield cfg
        cfg = list(cfg.values())
    if isinstance(cfg, list | tuple):
        for each in cfg:
            yield from lists_of(each)


def _frames(dataset: dict[str, Any]) -> int:
    """Give the number of frames of a clip."""
    return next((step['clip_len'] for step in dataset['pipeline'] if 'clip_len' in step), 1)


def _rows(path: str, sizes: dict[str, int]) -> int:
    """Count the rows of a list or label map; give its size of ``sizes`` if it does not exist."""
    if Path(path).is_file():
        return len(read_label_map(path) if path.endswith('.csv') else read_annotation(path))
    if path not in sizes:
        raise ValueError(f'{path} does not exist, and sizes does not give its number of rows')
    return sizes[path]
