"""A check that losses and learnt parameters are finite."""

import math
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from ga2mm.engine.device_scalars import DeviceScalars
from ga2mm.registry import HOOKS
from ga2mm.tensor_files import check_tensors

REMEDY = 'lower the learning rate (optim_wrapper.optimizer.lr) or clip gradients (optim_wrapper.clip_grad)'


@HOOKS.register_module()
class FiniteHook(Hook):
    """Stops training if a loss, or a learnt parameter at the end of an epoch, is NaN or infinite.

    NaN and infinite parameters are never saved, so the last checkpoint is always usable. The logged losses of
    a :class:`~ga2mm.models.CLIPRecognizer` are means over all processes, so all processes stop together.
    Infinite *gradients* do not stop training: mixed precision produces them occasionally and skips the step.
    Losses on a GPU are read when the log is written, so that the GPU does not wait in each step.

    Raises:
        ValueError: A loss or parameter is NaN or infinite.
    """

    priority = 'LOW'  # after the hooks that change parameters, before the one that saves them

    def __init__(self) -> None:
        self._losses = DeviceScalars()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Check the losses of a step; on a GPU those of all steps since the last log."""
        losses = {
            name: value.detach().float().sum()
            for name, value in (outputs or {}).items()
            if 'loss' in name and isinstance(value, Tensor)
        }
        self._losses.add(runner.iter, losses)
        if self._losses.are_due(runner, batch_idx):
            self._check_losses(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the learnt parameters, in every process."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        learnt = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
        _check(runner, learnt)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check the losses and the state dict before it is saved."""
        self._check_losses(runner)
        _check(runner, checkpoint['state_dict'])

    def _check_losses(self, runner: Runner) -> None:
        for step, losses in self._losses.read():
            wrong = [f'{name} is {value}' for name, value in losses.items() if not math.isfinite(value)]
            if wrong:
                terms = [text for text in wrong if not text.startswith('loss is')]
                raise ValueError(
                    f'{", ".join(terms or wrong)} in step {step + 1} (epoch {runner.epoch + 1}): training '
                    f'stops, {_last_checkpoint(runner)}; {REMEDY}'
                )


def _check(runner: Runner, tensors: dict[str, Tensor]) -> None:
    try:
        check_tensors(tensors, f'after step {runner.iter}')
    except ValueError as error:
        raise ValueError(f'{error}: training stops, {_last_checkpoint(runner)}; {REMEDY}') from error


def _last_checkpoint(runner: Runner) -> str:
    info = runner.message_hub.runtime_info
    return (
        f'the last checkpoint is {info["last_ckpt"]}' if 'last_ckpt' in info else 'there is no checkpoint yet'
    )
