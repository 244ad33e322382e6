"""Training and testing of recognizers on a user's own videos, from the folder to the model file."""

import copy
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ga2mm.apis.config import read_config
from ga2mm.apis.frame_features import with_frame_features
from ga2mm.apis.model_file import SUFFIX, export_model
from ga2mm.apis.own_config import OwnRun, leaves_vision_alone, own_config
from ga2mm.apis.own_lists import write_own_lists
from ga2mm.apis.processes import train_in_processes
from ga2mm.apis.run import test, train
from ga2mm.checks.readable import unreadable_files
from ga2mm.datasets.own_videos import OwnVideos, check_enough
from ga2mm.datasets.video_split import VideoSplit
from ga2mm.engine import latest_checkpoint, progress_bar
from ga2mm.visualization.run_report import METRICS, read_test_metrics, write_run_report

CONFIG = 'config.py'
"""Name of the config in the folder of a run."""

FRAME_FEATURES = 'frame_features'
"""Name of the folder of frame features next to the folders of runs, which share it."""


@dataclass(frozen=True)
class Result:
    """What a run has made.

    Args:
        metrics: Content of the report of its test.
        report: The HTML file.
        model: The model file.
    """

    metrics: dict[str, Any]
    report: Path
    model: Path


def without_unreadable(own: OwnVideos, source: Path) -> tuple[OwnVideos, list[str]]:
    """Read all videos once and leave out the unreadable ones.

    Returns:
        The readable videos, and ``'path: reason'`` of each other one.

    Raises:
        ValueError: No video can be read, or a class has fewer than two readable ones.
    """
    paths = [os.path.join(own.folder, video.path) for video in own.videos]
    with progress_bar() as bar:
        task = bar.add_task('reading', total=len(paths), note='')
        bad = unreadable_files(paths, own.are_images, lambda: bar.advance(task))
    problems = [f'{path}: {reason}' for path, reason in bad.items()]
    if len(bad) == len(paths):
        raise ValueError(f'{source}: none of the {len(paths)} files can be read, the first is {problems[0]}')
    if bad:
        videos = tuple(v for v, path in zip(own.videos, paths, strict=True) if path not in bad)
        own = replace(own, videos=videos)
        try:
            check_enough(own, source)
        except ValueError as error:
            raise ValueError(f'{error} ({len(bad)} cannot be read, the first is {problems[0]})') from None
    return own, problems


def train_own_videos(
    own: OwnVideos,
    split: VideoSplit,
    run: OwnRun,
    out: Path,
    say: Callable[[str], None] = print,
    processes: int = 1,
) -> Result:
    """Write the lists, train, test, write the report and the model file.

    If it ends with an error before the first checkpoint, the folder is removed.

    Args:
        own: The videos.
        split: Their split.
        run: The choices.
        out: A folder that does not exist.
        say: Called with the name of each part of the work.
        processes: Number of training processes, see :func:`~ga2mm.apis.processes.train_in_processes`.

    Raises:
        OSError: ``out`` exists or cannot be written, or a file of ``run`` does not exist.
        ValueError: A choice is wrong, or the lists are.
    """
    if out.exists():
        raise FileExistsError(f'{out} exists; choose another folder by --out, or remove it')
    try:
        lists = write_own_lists(own, split, out / 'lists')
        cfg = own_config(lists, run, out)
        cfg.dump(out / CONFIG)
        return _train_and_test(cfg, out, say, processes)
    except (ValueError, OSError):
        if not any(out.glob('*.pth')):
            shutil.rmtree(out, ignore_errors=True)
        raise


def resume_own_run(out: Path, say: Callable[[str], None] = print, processes: int = 1) -> Result:
    """Continue an interrupted run from its last checkpoint, or from the beginning if it has none.

    Args:
        out: Folder of a run of :func:`train_own_videos`.
        say: Called with the name of each part of the work.
        processes: Number of training processes; it may be another one than before.

    Raises:
        OSError: A file of the run does not exist.
        ValueError: A file of the run is damaged.
    """
    cfg = _config_of(out)
    cfg.resume = True
    return _train_and_test(cfg, out, say, processes)


def _train_and_test(cfg: Config, out: Path, say: Callable[[str], None], processes: int) -> Result:
    if leaves_vision_alone(cfg.model):
        say('encoding each video once, without augmentation, since the vision tower is not tuned')
        cfg = with_frame_features(cfg, out.parent / FRAME_FEATURES)
    say('training')
    cfg = _with_progress(cfg, 'train')
    if processes == 1:
        train(cfg)
    else:
        train_in_processes(cfg, processes, out / 'processes.log')
    say('testing')
    metrics = test_run(out)
    model = out / f'{out.resolve().name}{SUFFIX}'
    sets = metrics['sets']
    names = [name for key in ('base', 'all', 'novel') if key in sets for name in sets[key]['class_names']]
    export_model(out / CONFIG, latest_checkpoint(out), model, classes=names, metrics=metrics['top1_percent'])
    report = write_run_report(out, out.resolve().name)  # names the model file
    return Result(metrics, report, model)


def test_run(run: Path) -> dict[str, Any]:
    """Test the latest checkpoint of a run that :func:`train_own_videos` made.

    Returns:
        The content of ``test_metrics.json``.

    Raises:
        FileNotFoundError: The folder has no config or no checkpoint.
        ValueError: A file of the run is damaged.
    """
    checkpoint = latest_checkpoint(run)
    if checkpoint is None:
        raise FileNotFoundError(f'{run}: no checkpoint in this folder; give the folder of a run')
    test(_with_progress(_config_of(run), 'test'), checkpoint)
    return read_test_metrics(run / METRICS)


def _config_of(run: Path) -> Config:
    """Read the config of a run, without its name, under which MMEngine would write it."""
    cfg = Config(read_config(run / CONFIG).to_dict(), format_python_code=False)
    cfg.work_dir = str(run)
    return cfg


def _with_progress(cfg: Config, name: str) -> Config:
    """Give a copy of a config with a progress bar."""
    cfg = copy.deepcopy(cfg)
    hooks: Sequence[dict[str, Any]] = cfg.get('custom_hooks') or []
    cfg.custom_hooks = [*hooks, dict(type='ProgressHook')]
    cfg.experiment_name = f'{Path(cfg.work_dir).resolve().name}_{name}'
    return cfg
