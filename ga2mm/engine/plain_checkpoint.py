"""Checkpoints of plain values, which ``torch.load(weights_only=True)`` reads without MMEngine's classes."""

from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

PARTS = {'log_history', 'count_history', 'max_length'}
"""Keys of a log history in a checkpoint: values and counts, float64 (steps,), and the most steps it keeps."""


def make_plain(checkpoint: dict[str, Any]) -> None:
    """Replace log histories and NumPy's numbers by tensors, dicts and Python's numbers, in place.

    MMEngine pickles its ``HistoryBuffer``, which PyTorch's safe loading, the default since 2.6, rejects.
    """
    for key in checkpoint.keys() - {'state_dict'}:
        checkpoint[key] = _plain(checkpoint[key])


def restore_histories(message_hub: Any) -> None:
    """Restore the log histories of a checkpoint's ``message_hub`` in place; other values stay as they are.

    Raises:
        ValueError: A history is damaged.
    """
    scalars = message_hub.get('log_scalars') if isinstance(message_hub, dict) else None
    for name, value in scalars.items() if isinstance(scalars, dict) else ():
        if isinstance(value, dict) and set(value) == PARTS:
            scalars[name] = _history(name, value)


def _history(name: Any, plain: dict[str, Any]) -> HistoryBuffer:
    values, counts, most = plain['log_history'], plain['count_history'], plain['max_length']
    are_tensors = isinstance(values, Tensor) and isinstance(counts, Tensor)
    if (
        not are_tensors
        or values.dim() != 1
        or values.shape != counts.shape
        or not isinstance(most, int)
        or most < max(1, len(values))
    ):
        raise ValueError(f'its log history {name!r} is damaged')
    return HistoryBuffer(values.numpy(), counts.numpy(), most)


def _plain(value: Any) -> Any:
    if isinstance(value, HistoryBuffer):
        values, counts = (torch.from_numpy(np.asarray(one, np.float64)) for one in value.data)
        return dict(log_history=values, count_history=counts, max_length=value.max_length)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value
