"""Safe reading and atomic writing of checkpoints, which are treated as untrusted input."""

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

from ga2mm.engine.plain_checkpoint import make_plain, restore_histories
from ga2mm.registry import HOOKS
from ga2mm.tensor_files import check_regular_file, check_tensors, read_pickled
from ga2mm.utils import replace_when_written

STATISTICS = ('min', 'max', 'mean', 'current')

STATE_DICTS = ('state_dict', 'model_state_dict', 'model')
"""Keys under which ga2mm, GA2-CLIP and ViFi-CLIP save their state dict."""

LAST = 'last_checkpoint'
"""Name of the file in a run's folder that contains the path of the last checkpoint."""

MAX_PATH = 4096
"""Maximum number of characters of a path."""


def history_buffer_statistic(owner: Any, name: str) -> Callable[..., Any]:
    """Replace ``getattr`` in unpickling: give one of the four statistics of HistoryBuffer.

    Raises:
        ValueError: The owner is not HistoryBuffer, or the name is not one of its statistics.
    """
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise ValueError(f'the checkpoint refers to {owner!r}.{name}, which no checkpoint of MMEngine needs')
    return builtins.getattr(owner, name)


def _of_a_training() -> list[Any]:
    """List the classes and functions of MMEngine's training state; no others may be unpickled."""
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
        # ViFi-CLIP saves its config with the weights; we read the entries and do not need the class.
        (OrderedDict, 'yacs.config.CfgNode'),
    ]


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of ga2mm, GA2-CLIP or ViFi-CLIP to the CPU without executing any code in it.

    Training (``load_from``, resuming), testing, inference and the converters all use this function. It
    removes the text under ``meta.config``, which MMEngine would execute when it resumes.

    Raises:
        OSError: The file does not exist or cannot be read.
        ValueError: The file is not a checkpoint, is damaged, or has NaN or infinite values.
    """
    path = Path(path)
    content = read_pickled(path, 'checkpoint', 'give the .pth or .pt file of a run', _of_a_training())
    if not isinstance(content, dict):
        raise ValueError(f'{path} is not a checkpoint: it holds a {type(content).__name__}, not a dict')
    meta = content.get('meta', {})
    if not isinstance(meta, dict):
        raise ValueError(f'{path} is not a checkpoint: its meta is a {type(meta).__name__}, not a dict')
    meta.pop('config', None)
    try:
        restore_histories(content.get('message_hub'))
    except ValueError as error:
        raise ValueError(f'{path} is damaged, {error}: give another checkpoint') from error
    # The log may contain an infinite gradient norm.
    check_tensors({key: value for key, value in content.items() if key not in ('meta', 'message_hub')}, path)
    return content


def state_dict_of(content: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """Give the state dict of a checkpoint, without the prefix ``module.`` of its names.

    Raises:
        ValueError: The checkpoint has no state dict, or two tensors have the same name.
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
    """Read a checkpoint for MMEngine's runner, which moves the tensors to its device."""
    _check_local(filename)
    content = read_checkpoint(Path(filename).expanduser())
    return {**content, 'state_dict': state_dict_of(content, filename)}


def _check_local(filename: str) -> None:
    if '://' in filename:
        raise ValueError(f'{filename} is not a file: download the checkpoint, and give its path')
    check_regular_file(Path(filename).expanduser())


def latest_checkpoint(folder: str | Path) -> Path | None:
    """Give the last readable checkpoint of a run.

    The file ``last_checkpoint`` names it. If that file is missing or empty, names a file that does not exist,
    or a newer checkpoint exists, the newest readable one is taken and a warning is logged.

    Args:
        folder: The run's folder.

    Returns:
        The path of the checkpoint; None if there is no checkpoint.

    Raises:
        ValueError: There are checkpoints, but all are unreadable.
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
                f'{folder / LAST} {said}: using the newest checkpoint that can be read, {path}{unreadable}',
                'current',
                logging.WARNING,
            )
        return path
    if problems:
        raise ValueError(
            f'none of the {len(problems)} checkpoints in {order[0].parent} can be read ({problems[0]}): '
            'start a new run in another --work-dir'
        )
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of a run's epochs or steps, the newest first."""
    found = [path for path in folder.glob('*.pth') if not path.name.startswith(('best_', '.'))]
    return sorted((path for path in found if path.is_file()), key=lambda path: (-_age(path), -_number(path)))


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _number(path: Path) -> int:
    """Give the number of the epoch or step in a checkpoint's name; 0 if the name has no number."""
    number = re.search(r'(\d{1,18})\.pth$', path.name)
    return int(number[1]) if number else 0


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """A backend that writes local files atomically (``default_hooks.checkpoint.backend_args``)."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a temporary file in the same folder, then rename it to ``filepath``."""
        with replace_when_written(filepath) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class CheckpointSafetyHook(Hook):
    """Makes MMEngine's runner read checkpoints with :func:`read_checkpoint`, and write plain ones.

    The hook replaces MMEngine's readers of checkpoints in this process, for local files and for URLs, since
    those unpickle any object. The recognizer checks whether names, shapes and the CLIP fit.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Register the reader, and select the checkpoint to resume from if the config names none."""
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
                    f'{runner.work_dir} has no checkpoint to resume from: training starts from the beginning'
                )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Make the checkpoint plain, so that ``torch.load`` of PyTorch 2.6 and MMAction2's tools read it."""
        make_plain(checkpoint)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check the training state of a checkpoint to resume from.

        Raises:
            ValueError: The state is incomplete, or belongs to another model.
        """
        if not runner._resume:
            return
        problem = _problem_of_resuming(runner, checkpoint)
        if problem:
            raise ValueError(
                f'{runner._load_from} cannot be resumed, {problem}: to use only its weights, set load_from '
                'and leave out --resume'
            )
        if checkpoint['meta']['iter'] >= runner.train_loop.max_iters:
            runner.logger.info(f'{runner._load_from} has finished its training: nothing is left to train')


def _problem_of_resuming(runner: Runner, checkpoint: dict[str, Any]) -> str:
    """Say why a run cannot be resumed from a checkpoint; empty if it can be."""
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
            return f'it has no state for the {len(own)} schedulers of the config (param_scheduler)'
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    if isinstance(optimizer, torch.optim.Optimizer) and not _fits(optimizer, checkpoint.get('optimizer')):
        return 'the state of its optimizer is missing, damaged or of another model'
    return ''


def _alike(own: Any, found: Any) -> bool:
    """Check whether two values have the same keys, lengths and types, and whether numbers are finite."""
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
    """Check whether a stored optimizer state fits the parameters of an optimizer."""
    # AdamW of PyTorch 2.6 is not an Adam.
    has_moments = isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW)
    moments = {'exp_avg', 'exp_avg_sq'} if has_moments else set()
    try:
        for own, group in zip(optimizer.param_groups, state['param_groups'], strict=True):
            # Compare only the settings that both have: they differ between versions of PyTorch.
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
