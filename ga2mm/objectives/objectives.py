"""The training loss: a weighted sum of objectives."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from ga2mm.objectives.objective import (
    ANCHOR_FEATURES,
    FROZEN_FEATURES,
    NEGATIVE_FEATURES,
    BatchFeatures,
    Objective,
    TuningSetup,
)

NO_GRADIENT = 'has no gradient with these prompts'


class Objectives(nn.ModuleDict):
    """All objectives of a training run, by the names for the log.

    A warning names objectives, and terms of objectives, that cannot have a gradient with these prompts. It
    appears when the model is built, or at the first step if it depends on the number of classes.

    Args:
        objectives: The objectives by name: ``loss_<type>``, or ``loss_anchor_<type>`` for anchor strategies.
        setup: The towers that learn and the number of negatives.

    Raises:
        ValueError: An objective uses negatives, and there are no negatives.
    """

    def __init__(self, objectives: Mapping[str, Objective], setup: TuningSetup) -> None:
        super().__init__(objectives)
        if not setup.num_negatives and self.uses & NEGATIVE_FEATURES:
            raise ValueError("model.anchors needs a list of negatives, such as negatives=['else']")
        self._setup = setup
        self._warned: set[str] = set()
        self._warn_of_no_effect(setup)

    @property
    def uses(self) -> set[str]:
        """Names of the features that any objective uses."""
        return {name for objective in self.values() for name in objective.uses}

    @property
    def use_anchors(self) -> bool:
        """Whether an objective uses anchor clips."""
        return bool(self.uses & ANCHOR_FEATURES)

    @property
    def use_frozen(self) -> bool:
        """Whether an objective uses features of the frozen CLIP."""
        return bool(self.uses & FROZEN_FEATURES)

    def forward(self, features: BatchFeatures) -> dict[str, Tensor]:
        """Give the weighted terms by name; their sum is the loss."""
        self._warn_of_no_effect(replace(self._setup, num_classes=features.logits.shape[-1]))
        losses = {name: objective.weight * objective(features) for name, objective in self.items()}
        if torch.is_grad_enabled():
            self._warn({name: [NO_GRADIENT] for name, loss in losses.items() if not loss.requires_grad})
        return losses

    def grad_norms(
        self, losses: Mapping[str, Tensor], parameters: Iterable[nn.Parameter]
    ) -> dict[str, Tensor]:
        """Give the Euclidean norm of the gradient of each weighted term, as ``grad_norm_<type>``.

        The classification loss is left out. Gradients are means over all processes, like the gradient that
        the optimizer gets.

        Args:
            losses: Output of :meth:`forward`.
            parameters: All learnt parameters.
        """
        parameters = list(parameters)
        norms = {}
        for name, loss in losses.items():
            if name != 'loss_cls':
                gradient = _gradient(loss, parameters)
                all_reduce(gradient, op='mean')
                norms[f'grad_norm_{name.removeprefix("loss_").removeprefix("anchor_")}'] = gradient.norm()
        return norms

    def _warn_of_no_effect(self, setup: TuningSetup) -> None:
        self._warn(
            {
                name: objective.no_effect(setup) if objective.weight else ['has no gradient: its weight is 0']
                for name, objective in self.items()
            }
        )

    def _warn(self, reasons: Mapping[str, Sequence[str]]) -> None:
        for name, texts in reasons.items():
            told = any(warning.startswith(f'{name} has no gradient') for warning in self._warned)
            for warning in [f'{name} {text}' for text in texts]:
                if warning not in self._warned and not (told and warning.endswith(NO_GRADIENT)):
                    self._warned.add(warning)
                    warnings.warn(warning, stacklevel=4)


def _gradient(value: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
    """Give the gradient of a scalar with respect to all parameters as one vector."""
    if not value.requires_grad:
        return value.new_zeros(sum(parameter.numel() for parameter in parameters))
    gradients = torch.autograd.grad(value, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in gradients])
