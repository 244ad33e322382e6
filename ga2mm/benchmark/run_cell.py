"""One run of a benchmark, in a process of its own."""

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
from mmengine.config import Config
from mmengine.dist import is_main_process

from ga2mm.apis.hard_prompt import export_hard_prompt
from ga2mm.apis.run import test, train
from ga2mm.benchmark.plan import Cell
from ga2mm.utils import replace_when_written

RESULT = 'result.json'
HARD_PROMPT = 'hard_prompt.safetensors'
PACKAGES = ('ga2mm', 'torch', 'mmengine', 'mmaction2', 'open_clip_torch', 'decord', 'numpy')


def run_cell(cell: Cell, work_dir: Path, launcher: str = 'none') -> None:
    """Train, where there is something to learn, and test; ``result.json`` is written last.

    A run that was killed goes on from its last checkpoint.

    Args:
        cell: The run.
        work_dir: The benchmark's folder.
        launcher: As in MMEngine; with ``'pytorch'`` each of the processes calls this.

    Raises:
        ValueError: The config or its data is wrong.
    """
    start = time.time()
    torch.set_num_threads(1)  # cells run side by side, and clips are few
    folder = work_dir / cell.folder
    cfg = cell.read_config()
    cfg.work_dir, cfg.launcher = str(folder), launcher
    cfg.randomness = dict(seed=cell.seed or 0)
    name = str(cell.folder).replace('/', '_')
    checkpoint = None
    if cell.learns:
        training = copy.deepcopy(cfg)
        training.experiment_name = f'{name}_train'
        training.resume = (folder / 'last_checkpoint').is_file()
        if cell.checkpoint == 'best':
            training.default_hooks.checkpoint.update(save_best='acc/top1', rule='greater')
        train(training)
        checkpoint = _checkpoint(folder, cell.checkpoint)
    if cell.dataset == 'hard prompt' and is_main_process():
        export_hard_prompt(checkpoint, folder / HARD_PROMPT)
    cfg.experiment_name = f'{name}_test'
    test(cfg, checkpoint)
    if is_main_process():
        _write_result(cell, folder, cfg, time.time() - start)


def read_result(cell: Cell, work_dir: Path) -> dict[str, Any] | None:
    """The row of a finished run; None if it is not finished or was run with another config."""
    try:
        row = json.loads((work_dir / cell.folder / RESULT).read_text())
    except (OSError, ValueError):
        return None
    return row if cell.config_hash and row.get('config_hash') == cell.config_hash else None


def _checkpoint(folder: Path, which: str) -> Path:
    if which == 'last':
        return Path((folder / 'last_checkpoint').read_text().strip())
    (best,) = folder.glob('best_*.pth')
    return best


def _write_result(cell: Cell, folder: Path, cfg: Config, seconds: float) -> None:
    report = json.loads((folder / 'test_metrics.json').read_text())
    scores = report['top1_percent']
    row = {
        'method': cell.method,
        'dataset': cell.dataset,
        'shots': cell.shots,
        'draw': cell.draw,
        'seed': cell.seed,
        'value': cell.value,
        'base': scores.get('base'),
        'novel': scores.get('novel'),
        'hm': scores.get('hm'),
        'scores': scores,
        'per_class': {name: _per_class(found) for name, found in report['sets'].items()},
        'seconds': round(seconds, 1),
        'config': os.path.relpath(cell.config),
        'config_hash': cell.config_hash,
        'checkpoint': report['checkpoint'],
        'device': 'cuda' if torch.cuda.is_available() else 'cpu',
        'versions': versions(),
        'commit': commit(),
    }
    with replace_when_written(folder / RESULT) as temporary:
        temporary.write_text(json.dumps(row, indent=1) + '\n')


def _per_class(found: dict[str, Any]) -> dict[str, float]:
    """Accuracy of each class that has test videos, in per cent."""
    right, videos = {}, {}
    for label, predicted, count in found['confusion'] or ():
        name = found['class_names'][label]
        videos[name] = videos.get(name, 0) + count
        right[name] = right.get(name, 0) + count * (label == predicted)
    return {name: round(100 * right[name] / videos[name], 2) for name in videos}


def versions() -> dict[str, str]:
    """Versions of what a number depends on."""
    found = {'python': platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            if package == 'ga2mm':  # used from a clone without an installation
                from ga2mm.version import __version__

                found[package] = __version__
    return found


def commit() -> str:
    """The git commit of this code, with a plus sign if files differ from it; unknown outside of a clone."""
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
