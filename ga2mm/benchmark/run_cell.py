"""One run of a benchmark, executed in a separate process."""

import copy
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, is_main_process

from ga2mm.apis.export_hard_prompt import export_hard_prompt
from ga2mm.apis.run import test, train
from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.config_hash import hashed
from ga2mm.benchmark.selection import KEYS
from ga2mm.engine import latest_checkpoint
from ga2mm.utils import write_text

RESULT = 'result.json'
TRAINED = 'trained.txt'
HARD_PROMPT = 'hard_prompt.safetensors'
PACKAGES = ('ga2mm', 'torch', 'mmengine', 'mmaction2', 'open_clip_torch', 'av', 'numpy')


def run_cell(
    cell: Cell, work_dir: Path, processes: int, provenance: dict[str, Any], launcher: str = 'none'
) -> None:
    """Train (if the method learns) and test; write ``result.json`` last.

    A killed run resumes from its last checkpoint. A run that selects its best checkpoint starts over
    instead, because the interrupted validation is lost.

    Args:
        cell, work_dir: The run, and the benchmark's folder.
        processes: Processes of the run.
        provenance: Versions and commit of the code, for the row.
        launcher: As in MMEngine; with ``'pytorch'`` each of the processes calls this function.

    Raises:
        ValueError: The config or its data is wrong, or has changed since the benchmark started.
    """
    start = time.time()
    if hashed(cell, processes).config_hash != cell.config_hash:
        raise ValueError('its config or lists have changed since the benchmark started: start it again')
    torch.set_num_threads(1)  # cells run in parallel, and there are few clips
    folder = work_dir / cell.folder
    cfg = cell.read_config()
    cfg.work_dir, cfg.launcher = str(folder), launcher
    cfg.randomness = dict(seed=cell.seed or 0)
    name = str(cell.folder).replace('/', '_')
    checkpoint, trained = None, folder / TRAINED
    if cell.trains and not trained.is_file():
        training = copy.deepcopy(cfg)
        training.experiment_name = f'{name}_train'
        training.resume = cell.checkpoint == 'last' and latest_checkpoint(folder) is not None
        if cell.checkpoint == 'best':
            training.default_hooks.checkpoint.update(save_best='acc/top1', rule='greater')
            if is_main_process():
                for path in folder.glob('best_*.pth'):
                    path.unlink()
        train(training)
        if is_main_process():
            write_text(trained, f'{time.time() - start:.1f}\n')
        barrier()  # wait until the main process has written its checkpoint
    if cell.learns:
        place = work_dir / cell.trained_as.folder if cell.trained_as else folder
        (checkpoint,) = place.glob('best_*.pth') if cell.checkpoint == 'best' else [latest_checkpoint(place)]
    if cell.dataset == 'hard prompt' and is_main_process():
        export_hard_prompt(checkpoint, folder / HARD_PROMPT)
    cfg.experiment_name = f'{name}_test'
    test(cfg, checkpoint)
    if is_main_process():
        write_result(cell, folder, provenance, processes, time.time() - start)


def read_result(cell: Cell, work_dir: Path) -> dict[str, Any] | None:
    """Read the row of a finished run; None if it is unfinished or was run with another config."""
    try:
        row = json.loads((work_dir / cell.folder / RESULT).read_text())
    except (OSError, ValueError):
        return None
    return row if cell.config_hash and row.get('config_hash') == cell.config_hash else None


def write_result(
    cell: Cell, folder: Path, provenance: dict[str, Any], processes: int, seconds: float
) -> None:
    """Write the row of a run from the report of its test, ``test_metrics.json`` in its folder."""
    report = json.loads((folder / 'test_metrics.json').read_text())
    scores = dict(report['top1_percent'])
    for name, separation in report['irrelevant'].items():
        scores |= {f'irrelevant/{name}/{key}': round(100 * separation[key], 4) for key in ('auroc', 'fpr95')}
    row = {
        **{key: getattr(cell, key) for key in (*KEYS, 'series', 'value')},
        **{key: scores.get(key) for key in ('base', 'novel', 'hm')},
        'scores': scores,
        'per_class': {name: _per_class(found) for name, found in report['sets'].items()},
        'seconds': round(seconds, 1),
        'config': os.path.relpath(cell.config),
        'config_hash': cell.config_hash,
        'checkpoint': report['checkpoint'],
        'device': 'cuda' if torch.cuda.is_available() else 'cpu',
        'processes': processes,
        **provenance,
    }
    write_text(folder / RESULT, json.dumps(row, indent=1) + '\n')


def _per_class(found: dict[str, Any]) -> dict[str, float]:
    """Compute the accuracy of each class that has test videos, in per cent."""
    right, videos = {}, {}
    for label, predicted, count in found['confusion'] or ():
        name = found['class_names'][label]
        videos[name] = videos.get(name, 0) + count
        right[name] = right.get(name, 0) + count * (label == predicted)
    return {name: round(100 * right[name] / videos[name], 2) for name in videos}


def provenance() -> dict[str, Any]:
    """Give the package versions and the git commit of the running code."""
    return {'versions': _versions(), 'commit': _commit()}


def _versions() -> dict[str, str]:
    found = {'python': platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            if package == 'ga2mm':  # used from a clone that is not installed
                from ga2mm.version import __version__

                found[package] = __version__
    return found


def _commit() -> str:
    """Give the git commit, with a plus sign if files were changed; unknown outside of a clone."""
    commands = (['rev-parse', '--short=9', 'HEAD'], ['status', '--porcelain', '--untracked-files=no'])
    root = Path(__file__).resolve().parents[2]
    try:
        found = [
            subprocess.run(
                ['git', *words], cwd=root, capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in commands
        ]
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
    return found[0] + ('+' if found[1] else '')
