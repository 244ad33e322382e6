"""Checkpoints are untrusted input, and none is ever half written."""

import builtins
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from ga2mm.registry import HOOKS
from ga2mm.utils import replace_when_written

STATISTICS = ('min', 'max', 'mean', 'current')


def history_buffer_statistic(owner: Any, name: str) -> Callable[..., Any]:
    """``getattr`` for unpickling a HistoryBuffer: its four statistics, and nothing else.

    Raises:
        ValueError: Anything else was asked for.
    """
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise ValueError(f'the checkpoint asks for {owner!r}.{name}, which no checkpoint of MMEngine needs')
    return builtins.getattr(owner, name)


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)`` read the training state that MMEngine saves, and no more."""
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray
    torch.serialization.add_safe_globals(
        [
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
        ]
    )


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of ga2mm, GA2-CLIP or ViFi-CLIP without running any code in it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint.
    """
    allow_mmengine_checkpoints()
    # ViFi-CLIP saves its config with the weights; its entries are read, its class is not needed.
    with torch.serialization.safe_globals([(OrderedDict, 'yacs.config.CfgNode')]):
        try:
            content = torch.load(path, map_location='cpu', weights_only=True)
        except OSError:
            raise
        except Exception as error:  # whatever a damaged or hostile file makes torch raise
            raise ValueError(
                f'{path} is no checkpoint ({type(error).__name__}): give the .pth or .pt file of a run'
            ) from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} is no checkpoint: it holds a {type(content).__name__}, not a dict')
    return content


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local files that appear whole or not at all (``default_hooks.checkpoint.backend_args``)."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file beside ``filepath``, then move it there."""
        with replace_when_written(filepath) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class CheckpointSafetyHook(Hook):
    """Reads MMEngine's checkpoints without trusting them.

    MMEngine would execute the text under ``meta.config`` when it resumes; it is dropped. Whether names,
    shapes and the CLIP fit is checked by the recognizer itself.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Allow what MMEngine saves."""
        allow_mmengine_checkpoints()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Drop the text that would be executed."""
        checkpoint.get('meta', {}).pop('config', None)
