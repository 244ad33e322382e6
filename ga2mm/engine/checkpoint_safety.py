"""Checkpoints are untrusted input, with one reader for all of them, and none is ever half written."""

import builtins
import logging
import math
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer, print_log
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from ga2mm.registry import HOOKS
from ga2mm.tensor_files import check_regular_file, check_tensors, read_pickled
from ga2mm.utils import replace_when_written

STATISTICS = ('min', 'max', 'mean', 'current')

STATE_DICTS = ('state_dict', 'model_state_dict', 'model')
"""Where ga2mm, GA2-CLIP and ViFi-CLIP keep their state dict."""

LAST = 'last_checkpoint'
"""The file in a run's folder that names its last checkpoint."""

MAX_PATH = 4096
"""Most characters of a path."""


def history_buffer_statistic(owner: Any, name: str) -> Callable[..., Any]:
    """``getattr`` for unpickling a HistoryBuffer: its four statistics, and nothing else.

    Raises:
        ValueError: Anything else was asked for.
    """
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise ValueError(f'the checkpoint asks for {owner!r}.{name}, which no checkpoint of MMEngine needs')
    return builtins.getattr(owner, name)


def _of_a_training() -> list[Any]:
    """What may be unpickled: the training state that MMEngine saves, and no more."""
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray
    return [
        HistoryBuffer,
        (history_buffer_statistic, 'builtins.getattr'),
        (np.ndarray, 'numpy.ndarray'),
        np.dtype,
        type(np.dtype(np.float64)),
        type(np.dtype(np.int64)),
        multiarray._reconstruct,
        (multiarray._reconstruct, 'numpy.core.multiarray._reconstruct'),
        multiarray.scalar,
        (multiarray.scalar, 'numpy.core.multiarray.scalar'),
        # ViFi-CLIP saves its config with the weights; its entries are read, its class is not needed.
        (OrderedDict, 'yacs.config.CfgNode'),
    ]


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of ga2mm, GA2-CLIP or ViFi-CLIP, to the CPU, without running any code in it.

    This is the only reader of checkpoints: of training (``load_from``, resuming), testing, inference and the
    converters. The text under ``meta.config``, which MMEngine would execute when it resumes, is left out.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is no checkpoint or damaged, or has tensors without finite values.
    """
    path = Path(path)
    content = read_pickled(path, 'checkpoint', 'give the .pth or .pt file of a run', _of_a_training())
    if not isinstance(content, dict):
        raise ValueError(f'{path} is no checkpoint: it holds a {type(content).__name__}, not a dict')
    meta = content.get('meta', {})
    if not isinstance(meta, dict):
        raise ValueError(f'{path} is no checkpoint: its meta is a {type(meta).__name__}, not a dict')
    meta.pop('config', None)
    # A log may well hold an infinite norm of gradients.
    check_tensors({key: value for key, value in content.items() if key not in ('meta', 'message_hub')}, path)
    return content


def state_dict_of(content: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint's content, its names without ``module.``.

    Raises:
        ValueError: There is none, or two tensors have one name.
    """
    state_dict = next((content[key] for key in STATE_DICTS if key in content), None)
    if not isinstance(state_dict, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state_dict.items()
    ):
        raise ValueError(
            f'{path} holds no state dict: expected names mapped to tensors under one of '
            f'{", ".join(STATE_DICTS)}'
        )
    found = {key.removeprefix('module.'): value for key, value in state_dict.items()}
    if len(found) < len(state_dict):
        raise ValueError(f'{path} holds tensors both with and without module. before their names')
    return found


def load_from_checked_file(filename: str, map_location: Any = None) -> dict[str, Any]:
    """What MMEngine's runner gets of a checkpoint; it moves the tensors itself."""
    _check_local(filename)
    content = read_checkpoint(Path(filename).expanduser())
    return {**content, 'state_dict': state_dict_of(content, filename)}


def _check_local(filename: str) -> None:
    if '://' in filename:
        raise ValueError(f'{filename} is no file: download the checkpoint, and give its path')
    check_regular_file(Path(filename).expanduser())


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The last checkpoint of a run: the newest one in its folder that can be read.

    The file ``last_checkpoint`` says which that is. Where it is missing, empty or names a file that is not
    there, or where a newer checkpoint lies beside it, this is said in one line of the log.

    Args:
        folder: The run's folder.

    Returns:
        Its path; None if there is no checkpoint.

    Raises:
        ValueError: There are checkpoints, but none can be read.
    """
    folder = Path(folder)
    text = ''
    if (folder / LAST).is_file():
        text = (folder / LAST).read_text(errors='replace').strip().strip('\0')
    if '\0' in text or len(text) > MAX_PATH:
        text = ''
    found = _checkpoints(folder)
    if not found and text:  # a run may keep its checkpoints elsewhere
        found = _checkpoints(Path(text).parent)
    named = next((path for path in found if path.name == Path(text).name), None)
    order = found
    if named is not None:
        newer = [path for path in found if _age(path) > _age(named) and _number(path) > _number(named)]
        order = list(dict.fromkeys([*newer, named, *found]))
    problems = []
    for path in order:
        try:
            read_checkpoint(path)
        except (ValueError, OSError) as error:
            problems.append(str(error))
            continue
        if problems or not text or Path(text).resolve() != path.resolve():
            said = f'names {text!r}' if text else 'is missing or empty'
            unreadable = f'; not readable: {"; ".join(problems[:3])}' if problems else ''
            print_log(
                f'{folder / LAST} {said}, taking the newest checkpoint that can be read, {path}{unreadable}',
                'current',
                logging.WARNING,
            )
        return path
    if problems:
        raise ValueError(
            f'none of the {len(problems)} checkpoints in {order[0].parent} can be read ({problems[0]}): '
            'start anew in another --work-dir'
        )
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run's epochs or steps, the newest first."""
    found = [path for path in folder.glob('*.pth') if not path.name.startswith(('best_', '.'))]
    return sorted((path for path in found if path.is_file()), key=lambda path: (-_age(path), -_number(path)))


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _number(path: Path) -> int:
    """The number of the epoch or step in a checkpoint's name; 0 without one."""
    number = re.search(r'(\d{1,18})\.pth$', path.name)
    return int(number[1]) if number else 0


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local files that appear whole or not at all (``default_hooks.checkpoint.backend_args``)."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file beside ``filepath``, then move it there."""
        with replace_when_written(filepath) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class CheckpointSafetyHook(Hook):
    """Makes MMEngine's runner read checkpoints by :func:`read_checkpoint`, in resuming too.

    MMEngine's own reader of local files is replaced in this process, and nothing else is asked to load one:
    it would unpickle whatever an address delivers. Whether names, shapes and the CLIP fit is checked by the
    recognizer itself.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Put the reader in its place, and find the checkpoint to resume from where none is named."""
        prefixes = [prefix for prefix in CheckpointLoader._schemes if prefix]
        CheckpointLoader.register_scheme(['', *prefixes], load_from_checked_file, force=True)
        if runner._load_from is not None:
            _check_local(runner._load_from)
        elif runner._resume:
            found = latest_checkpoint(runner.work_dir)
            runner._load_from = None if found is None else str(found)
            runner._resume = found is not None
            if found is None:
                runner.logger.info(
                    f'{runner.work_dir} has no checkpoint to resume from: training starts anew'
                )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check the state of the training that is resumed.

        Raises:
            ValueError: It is incomplete, or not of this model.
        """
        if not runner._resume:
            return
        problem = _problem_of_resuming(runner, checkpoint)
        if problem:
            raise ValueError(
                f'{runner._load_from} cannot be resumed, {problem}: take its weights alone, by load_from '
                'without --resume'
            )
        if checkpoint['meta']['iter'] >= runner.train_loop.max_iters:
            runner.logger.info(f'{runner._load_from} is the end of its training: nothing is left to train')


def _problem_of_resuming(runner: Runner, checkpoint: dict[str, Any]) -> str:
    """What keeps a run from being resumed from a checkpoint; empty if nothing does."""
    meta, hub = checkpoint.get('meta', {}), checkpoint.get('message_hub')
    counts = [meta.get(key) for key in ('epoch', 'iter')]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        return f'its meta has epoch and iter {counts}'
    seed = meta.get('seed')
    if seed is not None and not (isinstance(seed, int) and 0 <= seed < 2**32):
        return f'its meta has the seed {seed!r}'
    parts = ('log_scalars', 'runtime_info', 'resumed_keys')
    if not isinstance(hub, dict) or not all(isinstance(hub.get(part), dict) for part in parts):
        return 'its message_hub is missing or damaged'
    kept = hub['runtime_info'].get('keep_ckpt_ids', [])
    if not isinstance(kept, list) or not all(isinstance(number, int) for number in kept):
        return f'its message_hub has keep_ckpt_ids {kept!r}'
    if isinstance(runner.param_schedulers, list):
        own = [scheduler.state_dict() for scheduler in runner.param_schedulers]
        if not _alike(own, checkpoint.get('param_schedulers')):
            return f'it has no state of the {len(own)} schedulers of the config (param_scheduler)'
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    if isinstance(optimizer, torch.optim.Optimizer) and not _fits(optimizer, checkpoint.get('optimizer')):
        return 'its optimizer is missing, damaged or that of another model'
    return ''


def _alike(own: Any, found: Any) -> bool:
    """Whether values have the same keys, lengths and kinds, and numbers are finite."""
    if isinstance(own, dict):
        return isinstance(found, dict) and all(
            key in found and _alike(value, found[key]) for key, value in own.items()
        )
    if isinstance(own, list | tuple):
        return (
            isinstance(found, list | tuple)
            and len(found) == len(own)
            and all(_alike(*pair) for pair in zip(own, found, strict=True))
        )
    if isinstance(own, int | float | None):
        return found is None or (isinstance(found, int | float) and math.isfinite(found))
    return isinstance(found, type(own))


def _fits(optimizer: torch.optim.Optimizer, state: Any) -> bool:
    """Whether a stored state is one of an optimizer with these parameters."""
    moments = {'exp_avg', 'exp_avg_sq'} if isinstance(optimizer, torch.optim.Adam) else set()
    try:
        for own, group in zip(optimizer.param_groups, state['param_groups'], strict=True):
            # Other versions of PyTorch know other settings.
            if not _alike(
                {key: own[key] for key in own.keys() & group.keys() - {'params'}} | {'lr': 0.0}, group
            ):
                return False
            for parameter, number in zip(own['params'], group['params'], strict=True):
                of_parameter = state['state'].get(number, {})
                shapes = {of_parameter[key].shape for key in moments} if of_parameter else set()
                if not isinstance(of_parameter, dict) or shapes - {parameter.shape}:
                    return False
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True
