"""What a benchmark needs and this machine lacks: lists, videos, weights and room on the disk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import open_clip
import torch

from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.plan import sources
from ga2mm.benchmark.run_cell import read_result
from ga2mm.benchmark.work import lists_of
from ga2mm.datasets import read_annotation
from ga2mm.models.clip.download import check_reachable
from ga2mm.models.clip.loading import has_own_weights, load_clip, weights_file, weights_of

BYTES_OF_A_RUN = 50 * 2**20
"""Files of a run with a frozen CLIP: two checkpoints of 8.5 MB with ViT-B/16, logs, scores and pictures."""

CHECKPOINTS = 3
"""Checkpoints of a run at most: two are kept, and the older one is removed only when a third is written."""


def missing_things(cells: list[Cell], work_dir: Path) -> tuple[list[str], list[str]]:
    """List what unfinished cells, and the runs that they need, lack on this machine.

    Args:
        cells: The cells to run.
        work_dir: The benchmark's folder.

    Returns:
        One line for each missing thing, and one for each list of which a few videos are missing.
    """
    open_cells = [cell for cell in cells if read_result(cell, work_dir) is None]
    open_cells += sources(open_cells, lambda source: read_result(source, work_dir) is not None)
    configs = [cell.read_config() for cell in open_cells]
    missing: dict[str, None] = {}
    warnings: dict[str, None] = {}
    read: set[str] = set()
    for cell, cfg in zip(open_cells, configs, strict=True):
        parts = [cfg.test_dataloader]
        if cell.trains:
            parts += [cfg.train_dataloader, cfg.get('val_dataloader')]
        for dataset in lists_of([part for part in parts if part]):
            for level, line in _lacks(dataset, read):
                (missing if level == 'error' else warnings)[line] = None
        coupling = (cfg.model.get('cls_head') or {}).get('coupling') or {}
        if cell.learns and cell.hard_prompt is None and coupling:
            missing |= dict.fromkeys(_missing_hard_prompt(coupling.get('hard_prompt')))
    backbones = {repr(cfg.model.backbone): cfg.model.backbone for cfg in configs}
    for each in backbones.values():
        missing |= dict.fromkeys(_missing_weights(each))
    missing |= dict.fromkeys(_missing_room(open_cells, configs, work_dir))
    return list(missing), list(warnings)


def _lacks(dataset: dict[str, Any], read: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (level, line) for the missing files of a dataset; each list is read once."""
    maps = [dataset.get('label_map'), *(dataset.get('target_label_maps') or [])]
    for path in (path for path in maps if isinstance(path, str) and not Path(path).is_file()):
        yield 'error', f'label map {path}: no such file; tools/data/make_splits.py writes it'
    path, folder = dataset['ann_file'], (dataset.get('data_prefix') or {}).get('video', '')
    if not Path(path).is_file():
        yield 'error', f'list {path}: no such file; tools/data/make_splits.py writes it'
        return
    if path in read:
        return
    read.add(path)
    if folder and not Path(folder).is_dir():
        yield 'error', f'videos {folder}: no such folder; put the videos there, or a link to them'
        return
    videos = [os.path.join(folder, name) for name, _ in read_annotation(path)]
    absent = [video for video in videos if not os.path.isfile(video)]
    if absent:
        level = 'error' if 2 * len(absent) > len(videos) else 'warning'
        yield (
            level,
            f'list {path}: {len(absent)} of {len(videos)} videos are missing, the first is {absent[0]}',
        )


def _missing_weights(backbone: dict[str, Any]) -> Iterator[str]:
    """Yield a line for weights that are neither here nor can be downloaded."""
    arch, weights = backbone.get('arch'), weights_of(backbone)
    if weights is not None and Path(weights).suffix:
        if not weights_file(weights).is_file():
            yield f'weights {weights}: no such file'
    elif isinstance(arch, str):
        try:
            check_reachable(arch, weights, backbone.get('cache_dir'))
        except FileNotFoundError as error:
            yield str(error)


def _missing_hard_prompt(path: Any) -> Iterator[str]:
    """Yield a line for a hard prompt that neither exists nor is learnt."""
    if isinstance(path, str) and not Path(path).is_file():
        yield f'hard prompt {path}: no such file, and hard_prompt of the benchmark does not learn it'


def _missing_room(cells: list[Cell], configs: list[Any], work_dir: Path) -> Iterator[str]:
    """Yield a line if the disk lacks room for the files of the runs."""
    needed = room_for(cells, configs)
    place = next(one for one in (work_dir, *work_dir.parents) if one.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        yield f'disk {place}: {free / 2**30:.1f} GiB are free, and the runs need {needed / 2**30:.1f} GiB'


def room_for(cells: list[Cell], configs: list[Any]) -> int:
    """Compute the bytes of the files of runs."""
    needed, checkpoints = 0, {}
    for cell, cfg in zip(cells, configs, strict=True):
        needed += BYTES_OF_A_RUN
        backbone = cfg.model.backbone
        if cell.trains and not backbone.get('frozen', True):
            key = repr(backbone['arch'])
            if key not in checkpoints:
                checkpoints[key] = _checkpoint_bytes(backbone)
            needed += CHECKPOINTS * checkpoints[key]
    return needed


def _checkpoint_bytes(backbone: dict[str, Any]) -> int:
    """Compute the bytes of a checkpoint of a tuned CLIP, in float32.

    It holds all weights, and AdamW's two moments of all but the table of token embeddings, which is frozen.
    """
    arch = backbone['arch']
    if has_own_weights(arch):
        try:
            arch = open_clip.get_model_config(arch)
        except OSError:  # the weights are missing too, which another line says
            return 0
    with torch.device('meta'):
        clip, _, _ = load_clip(arch, 'random', None, None)
    weights = sum(parameter.numel() for parameter in clip.parameters())
    return 4 * (3 * weights - 2 * clip.token_embedding.weight.numel())
