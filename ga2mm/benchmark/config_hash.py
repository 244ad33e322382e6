"""The hash of a cell's inputs except the code, which identifies a finished run."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ga2mm.benchmark.cell import Cell
from ga2mm.datasets.manifest import generator_parameters
from ga2mm.models.clip.loading import weights_file, weights_of

READ_BY_TESTS = ('model', 'test_dataloader', 'test_evaluator', 'test_cfg')
READ_BY_TRAINING = (
    'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'custom_hooks',
    'val_dataloader', 'val_cfg', 'val_evaluator',
)  # fmt: skip


def with_hashes(cells: list[Cell], chosen: list[Cell], processes: int = 1) -> list[Cell]:
    """Set the config hashes of cells; that of a cell with missing lists stays empty unless it is chosen.

    Args:
        cells, chosen: All cells of a benchmark, and the cells to run.
        processes: Processes of each run, which share its steps.

    Raises:
        FileNotFoundError: A list or label map of a chosen cell does not exist.
    """
    needed = {cell.folder for cell in chosen}
    with_hash = []
    for cell in cells:
        try:
            with_hash.append(hashed(cell, processes))
        except FileNotFoundError:
            if cell.folder in needed:
                raise
            with_hash.append(cell)
    return with_hash


def hashed(cell: Cell, processes: int) -> Cell:
    """Set the hash of all inputs that determine a cell's result, except the code.

    These are the parts of the config that the run reads, lists and label maps, the parameters of generated
    videos, files of CLIP weights, the number of processes, and the run of the hard prompt.

    Raises:
        FileNotFoundError: A list or label map does not exist.
    """
    source = hashed(cell.hard_prompt, processes) if cell.hard_prompt else None
    trained_as = hashed(cell.trained_as, processes) if cell.trained_as else None
    cfg = cell.read_config()
    read = READ_BY_TESTS + (READ_BY_TRAINING if cell.trains else ())
    content = {
        key: cfg[key].to_dict() if isinstance(cfg[key], dict) else cfg[key] for key in read if key in cfg
    }
    backbone = content['model']['backbone']
    if 'weights' in backbone:  # results from before the key had this name stay valid
        backbone['pretrained'] = weights_of(backbone)
        del backbone['weights']
    if source is not None:
        content['model']['cls_head']['coupling']['hard_prompt'] = source.config_hash
    digest = hashlib.sha256()
    trained = [trained_as.config_hash] if trained_as else []
    for part in (content, cell.seed, cell.checkpoint, processes, *trained):
        digest.update(json.dumps(part, sort_keys=True, default=repr).encode())
    for path in sorted(set(_lists(content))):
        digest.update(path.encode() + Path(path).read_bytes())
        parameters = generator_parameters(path)
        if parameters is not None:  # lists of generated videos do not determine their content
            digest.update(json.dumps(parameters).encode())
    for path in _weights(content):
        digest.update(_digest(path, path.stat().st_mtime_ns))
    return replace(cell, hard_prompt=source, trained_as=trained_as, config_hash=digest.hexdigest()[:16])


def _lists(content: Any) -> Iterator[str]:
    """Yield the annotation files and label maps in a config."""
    if isinstance(content, dict):
        yield from (content[key] for key in ('ann_file', 'label_map') if isinstance(content.get(key), str))
        content = list(content.values())
    if isinstance(content, list | tuple):
        for value in content:
            yield from _lists(value)


def _weights(content: dict[str, Any]) -> Iterator[Path]:
    """Yield the weight files in a config."""
    model = content['model']
    coupling = model.get('cls_head', {}).get('coupling') or {}
    named = ((weights_of(model['backbone']), weights_file), (coupling.get('hard_prompt'), Path))
    yield from (path(name) for name, path in named if isinstance(name, str) and path(name).is_file())


@cache
def _digest(path: Path, changed: int) -> bytes:
    """Hash a file; the hash is cached until the file changes."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').digest()
