"""Scalars of training steps, read from the device together.

Reading a number from a GPU waits until the GPU has done all work before it. Read in every step, the GPU would
wait for the CPU at the start of the next step.
"""

import torch
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner
from torch import Tensor

Scalars = dict[str, Tensor]
"""Scalars of a step by name."""


class DeviceScalars:
    """The scalars of some steps, kept on the device until they are read."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, Scalars]] = []

    def add(self, step: int, scalars: Scalars) -> None:
        """Keep the scalars of a step; the caller must not change them later."""
        self._steps.append((step, {name: value.detach() for name, value in scalars.items()}))

    @property
    def on_cpu(self) -> bool:
        """Whether reading waits for no device."""
        return all(value.device.type == 'cpu' for _, scalars in self._steps for value in scalars.values())

    def are_due(self, runner: Runner, batch_idx: int) -> bool:
        """Tell whether to read after this training step: at no cost, or because the log needs the values."""
        return self.on_cpu or _is_logged(runner, batch_idx)

    def read(self) -> list[tuple[int, dict[str, float]]]:
        """Give the scalars of each step with one copy from the device, and forget them."""
        steps, self._steps = self._steps, []
        values = [value.float().reshape(()) for _, scalars in steps for value in scalars.values()]
        numbers = iter(torch.stack(values).tolist() if values else ())
        return [(step, {name: next(numbers) for name in scalars}) for step, scalars in steps]


def _is_logged(runner: Runner, batch_idx: int) -> bool:
    """Tell whether the log is written after this training step, or an epoch or the training ends."""
    intervals = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)] or [1]
    return (
        any((batch_idx + 1) % interval == 0 for interval in intervals)
        or batch_idx + 1 == len(runner.train_dataloader)
        or runner.iter + 1 == runner.max_iters
    )
