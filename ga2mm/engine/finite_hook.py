"""A check that losses and learnt parameters are finite."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from ga2mm.registry import HOOKS
from ga2mm.tensor_files import check_tensors

REMEDY = 'lower the learning rate (optim_wrapper.optimizer.lr) or clip gradients (optim_wrapper.clip_grad)'


@HOOKS.register_module()
class FiniteHook(Hook):
    """Stops training if a loss, or a learnt parameter at the end of an epoch, is NaN or infinite.

    NaN and infinite parameters are never saved, so the last checkpoint is always usable. The logged losses of
    a :class:`~ga2mm.models.CLIPRecognizer` are means over all processes, so all processes stop together.
    Infinite *gradients* do not stop training: mixed precision produces them occasionally and skips the step.

    Raises:
        ValueError: A loss or parameter is NaN or infinite.
    """

    priority = 'LOW'  # after the hooks that change parameters, before the one that saves them

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Check the losses of a step."""
        losses = {
            name: value.detach().float().sum()
            for name, value in (outputs or {}).items()
            if 'loss' in name and isinstance(value, Tensor)
        }
        if not losses or torch.stack(list(losses.values())).isfinite().all():
            return
        wrong = [f'{name} is {value.item()}' for name, value in losses.items() if not value.isfinite()]
        terms = [text for text in wrong if not text.startswith('loss is')]
        raise ValueError(
            f'{", ".join(terms or wrong)} in step {runner.iter + 1} (epoch {runner.epoch + 1}): training '
            f'stops, {_last_checkpoint(runner)}; {REMEDY}'
        )

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the learnt parameters, in every process."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        learnt = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
        _check(runner, learnt)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check the state dict before it is saved."""
        _check(runner, checkpoint['state_dict'])


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
