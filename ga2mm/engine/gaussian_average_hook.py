"""The Gaussian weighted mean of the learnt parameters over the epochs, as in PromptSRC."""

import math
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from ga2mm.registry import HOOKS

KEY = 'gaussian_average'
"""Key of the accumulated mean in a checkpoint."""


def gaussian_weights(mean: float, std: float, epochs: int) -> Tensor:
    """Give the weights of the epochs 1 to ``epochs``, a normal density with sum 1; (epochs,) in float64."""
    epoch = torch.arange(1, epochs + 1, dtype=torch.float64)
    return (-((epoch - mean) ** 2) / (2 * std**2)).softmax(dim=0)


@HOOKS.register_module()
class GaussianAverageHook(Hook):
    """Replaces the prompts after the last epoch by their weighted mean over all epochs.

    ``sum over epochs e of w_e · parameters after epoch e`` with ``w_e`` proportional to
    ``exp(-(e - mean)² / (2 std²))``; see :func:`gaussian_weights`. Source: the Gaussian weighted prompt
    aggregation of PromptSRC (arXiv 2307.06948) and its released code. The last validation, the last
    checkpoint and the test use the mean. Checkpoints of earlier epochs contain the prompts of their epoch,
    and the sum up to it, which a resumed run continues.

    Args:
        mean: The epoch with the largest weight, counted from 1.
        std: Standard deviation of the weights in epochs.

    Raises:
        ValueError: ``std`` is not above 0, ``mean`` is not finite, or the run to resume was not averaged with
            these weights.
    """

    def __init__(self, mean: float, std: float) -> None:
        if not 0 < std < math.inf:
            raise ValueError(f'GaussianAverageHook has std={std}: give a number of epochs above 0')
        if not math.isfinite(mean):
            raise ValueError(f'GaussianAverageHook has mean={mean}: give an epoch')
        self.mean = mean
        self.std = std
        self._sums: dict[str, Tensor] = {}

    def after_train_epoch(self, runner: Runner) -> None:
        """Add this epoch's weighted parameters; after the last epoch replace the parameters by the sums."""
        weights = self._weights(runner)
        for name, parameter in _learnt(runner).items():
            term = weights[runner.epoch].item() * parameter.detach()
            self._sums[name] = self._sums[name] + term if name in self._sums else term
        if runner.epoch + 1 == runner.max_epochs:
            with torch.no_grad():
                for name, parameter in _learnt(runner).items():
                    parameter.copy_(self._sums[name])

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Save the sums in the checkpoint."""
        checkpoint[KEY] = dict(weights=self._weights(runner), sums=self._sums)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Restore the sums of the run that is resumed."""
        if not runner._resume:
            return
        state = checkpoint.get(KEY)
        if state is None or not torch.equal(state['weights'], self._weights(runner)):
            raise ValueError(
                f'the run to resume was not averaged by GaussianAverageHook with mean={self.mean}, '
                f'std={self.std} over {runner.max_epochs} epochs: resume it with its own config'
            )
        parameters = _learnt(runner)
        self._sums = {name: value.to(parameters[name].device) for name, value in state['sums'].items()}

    def _weights(self, runner: Runner) -> Tensor:
        return gaussian_weights(self.mean, self.std, runner.max_epochs)


def _learnt(runner: Runner) -> dict[str, nn.Parameter]:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return {name: value for name, value in model.named_parameters() if value.requires_grad}
