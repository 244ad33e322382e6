"""Runs of our configs: in this process, and of the tools in separate processes."""

import itertools
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ga2mm.engine import ends_distributed

ROOT = Path(__file__).parents[2]
DATA = ROOT / 'tests' / 'data'
CONFIGS = ROOT / 'configs' / 'ga2'
ZOO = ROOT / 'configs' / 'zoo'
NO_WORKERS = {'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False}

_number = itertools.count()
_second_of_last_tool = 0


def read_config(path: Path, method: str | None = None) -> Config:
    """A config that prints itself without pretty line breaks, which take longer than our runs.

    ``method`` selects one method of a config with several.
    """
    with patch.dict(os.environ, {} if method is None else {'GA2MM_METHOD': method}):
        cfg = Config.fromfile(path)
    return Config(cfg.to_dict(), filename=str(path), format_python_code=False)


def miniature(name: str, work_dir: Path, epochs: int = 1, **options: Any) -> Config:
    """Give a config of the miniature world on the untrained CLIP; ``__`` in ``options`` stands for a dot."""
    cfg = read_config(CONFIGS / f'miniature_{name}.py')
    defaults = {
        **NO_WORKERS,
        'model.backbone.pretrained': 'random',
        'val_dataloader.num_workers': 0,
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': epochs,
        'randomness': dict(seed=0),
        'work_dir': str(work_dir),
        # Runs that start within one second would share a logger otherwise.
        'experiment_name': f'test_{next(_number)}',
    }
    if isinstance(cfg.test_dataloader, dict):
        defaults.update({f'test_dataloader.{name}.num_workers': 0 for name in cfg.test_dataloader})
    cfg.merge_from_dict(defaults)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def train(cfg: Config) -> Runner:
    """Train in this process."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test(cfg: Config, checkpoint: Path | None = None) -> dict[str, float]:
    """Test in this process."""
    cfg.load_from = None if checkpoint is None else str(checkpoint)
    return Runner.from_cfg(cfg).test()


class Interrupted(Exception):
    """Ends a run in :func:`train_until`."""


class _Interruption(Hook):
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def before_train_epoch(self, runner: Runner) -> None:
        if runner.epoch == self.epochs:
            raise Interrupted


def train_until(cfg: Config, epochs: int) -> Runner:
    """Train in this process, and stop the run after some epochs."""
    runner = Runner.from_cfg(cfg)
    runner.register_hook(_Interruption(epochs))
    with pytest.raises(Interrupted):
        runner.train()
    return runner


def losses(runner: Runner) -> list[float]:
    """Give the loss of every step."""
    return runner.message_hub.get_scalar('train/loss').data[0].tolist()


def log_of(runner: Runner) -> str:
    """Give the log of a run."""
    return log_in(Path(runner.work_dir))


def log_in(work_dir: Path) -> str:
    """Give the logs of all runs in a folder."""
    return '\n'.join(path.read_text() for path in sorted(work_dir.glob('*/*.log')))


def logged_losses(work_dir: Path) -> list[dict[str, float]]:
    """Give the losses of every logged step, from the file of scalars."""
    (path,) = Path(work_dir).glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if 'loss' in key} for line in lines if 'loss' in line]


def tool(name: str, *args: Any) -> None:
    """Run a script of ``tools/`` in this process, as ``python tools/NAME ARGS`` would."""
    global _second_of_last_tool
    # Runs of a config that start within one second of one process would share a logger.
    while int(time.time()) == _second_of_last_tool:
        time.sleep(0.02)
    _second_of_last_tool = int(time.time())
    path = ROOT / 'tools' / name
    argv, sys.argv = sys.argv, [name, *map(str, args)]
    folders, sys.path = sys.path, [str(path.parent), *sys.path]
    try:
        runpy.run_path(str(path), run_name='__main__')
    finally:
        sys.argv, sys.path = argv, folders


@contextmanager
def unprivileged() -> Iterator[None]:
    """Make files without read permission unreadable in the block, for root too."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def environment(**variables: Any) -> dict[str, str]:
    """Give the environment of a separate process."""
    return {
        'OMP_NUM_THREADS': '1',  # without it, each of several processes would use all cores
        **os.environ,
        'PYTHON': sys.executable,
        'PYTHONPATH': f'{ROOT}:{os.environ.get("PYTHONPATH", "")}',
        **{key: str(value) for key, value in variables.items()},
    }


def in_two_processes(function: Callable, *arguments: Any) -> None:
    """Call ``function(rank, *arguments)`` in two processes that are a group, forked from this one."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.start_processes(
            _in_group, (f'file://{folder}/store', function, arguments), nprocs=2, start_method='fork'
        )


def _in_group(rank: int, store: str, function: Callable, arguments: tuple) -> None:
    torch.set_num_threads(1)  # OpenMP's threads do not survive a fork
    torch.distributed.init_process_group('gloo', init_method=store, rank=rank, world_size=2)
    with ends_distributed():
        function(rank, *arguments)


@contextmanager
def signals_arrive() -> Iterator[None]:
    """Let processes that the block starts receive SIGINT and SIGHUP.

    A shell ignores SIGINT in the background, nohup ignores SIGHUP, and processes inherit this.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGHUP, hangup)


@contextmanager
def reserved_port() -> Iterator[int]:
    """Give a port of this machine that no other program takes while the block runs."""
    with socket.socket() as holder:
        # Bound, not listening: PyTorch's server also sets this option, so it may listen here.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(('127.0.0.1', 0))
        yield holder.getsockname()[1]


def start(*command: Any, cwd: Path, **variables: Any) -> subprocess.Popen:
    """Start a command in a separate process."""
    # A file, not a pipe: a full pipe would block a process that others wait for.
    output = tempfile.TemporaryFile('w+')  # noqa: SIM115  closed by finish
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env=environment(**variables),
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    process.output = output
    return process


def finish(process: subprocess.Popen, status: int = 0) -> str:
    """Wait for a command and give its output; it must end with this exit status."""
    try:
        process.wait(timeout=900)  # hangs, however busy the machine is
    finally:
        process.kill()
        with process.output as file:
            file.seek(0)
            output = file.read()
    assert process.returncode == status, output[-5000:]  # the beginning is the config
    return output
