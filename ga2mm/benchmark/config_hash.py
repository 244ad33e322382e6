"""The hash of a cell, of all that decides its outcome but the code: a finished run is known by it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ga2mm.benchmark.cell import Cell
from ga2mm.datasets.manifest import generator_parameters
from ga2mm.models.clip.loading import weights_file

READ_BY_TESTS = ('model', 'test_dataloader', 'test_evaluator', 'test_cfg')
READ_BY_TRAINING = (
    'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'custom_hooks',
    'val_dataloader', 'val_cfg', 'val_evaluator',
)  # fmt: skip


def with_hashes(cells: list[Cell], chosen: list[Cell], processes: int = 1) -> list[Cell]:
    """Give cells the hashes of their configs.

    The lists of those that are to run must exist by now; of others without lists the hash stays empty.

    Args:
        cells: All cells of a benchmark.
        chosen: Those that are to run.
        processes: Processes of each run, which share its steps.

    Raises:
        FileNotFoundError: A list or label map does not exist.
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
    """Give a cell the hash of all that decides its outcome, except for the code itself.

    That is what its run reads of the config, the lists and label maps, what generated videos were generated
    with, files of CLIP weights, the number of processes, and the run of its hard prompt.

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
    if source is not None:
        content['model']['cls_head']['coupling']['hard_prompt'] = source.config_hash
    digest = hashlib.sha256()
    trained = [trained_as.config_hash] if trained_as else []
    for part in (content, cell.seed, cell.checkpoint, processes, *trained):
        digest.update(json.dumps(part, sort_keys=True, default=repr).encode())
    for path in sorted(set(_lists(content))):
        digest.update(path.encode() + Path(path).read_bytes())
        parameters = generator_parameters(path)
        if parameters is not None:  # the lists of generated videos do not tell how these look
            digest.update(json.dumps(parameters).encode())
    for path in _weights(content):
        digest.update(_digest(path, path.stat().st_mtime_ns))
    return replace(cell, hard_prompt=source, trained_as=trained_as, config_hash=digest.hexdigest()[:16])


def _lists(content: Any) -> Iterator[str]:
    """Annotation files and label maps in a config."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in ('ann_file', 'label_map') and isinstance(value, str):
                yield value
            else:
                yield from _lists(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _lists(value)


def _weights(content: dict[str, Any]) -> Iterator[Path]:
    """Files of weights that a config names."""
    model = content['model']
    coupling = model.get('cls_head', {}).get('coupling') or {}
    pretrained, hard_prompt = model['backbone'].get('pretrained'), coupling.get('hard_prompt')
    if isinstance(pretrained, str) and weights_file(pretrained).is_file():
        yield weights_file(pretrained)
    if isinstance(hard_prompt, str) and Path(hard_prompt).is_file():
        yield Path(hard_prompt)


@cache
def _digest(path: Path, changed: int) -> bytes:
    """Hash of a file; read again only if it has changed."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').digest()
