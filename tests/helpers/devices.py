"""A device that cannot be waited for."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

FAR = 'meta'
"""PyTorch's device without data takes the place of a GPU: reading a value from it is an error."""


class Copies(TorchDispatchMode):
    """Records the copies from the CPU to the far device, as (data type, size, whether it blocks)."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[torch.dtype, int, bool]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor) and one.dim()]
        for one in tree_leaves(result):
            if isinstance(one, torch.Tensor) and one.device.type == FAR:
                near = [other for other in given if other.device.type == 'cpu']
                blocks = not kwargs.get('non_blocking', False)
                self.made += [(other.dtype, other.numel(), blocks) for other in near]
        return result


@contextmanager
def far_device() -> Iterator[None]:
    """Let code that turns autocast off run on the far device, which has no autocast."""
    real = torch.autocast

    def autocast(device: str, *arguments: Any, **named: Any) -> Any:
        return nullcontext() if device == FAR else real(device, *arguments, **named)

    with patch('torch.autocast', autocast):
        yield
