"""Build the objectives of a config."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.registry import Registry
from torch import nn

from ga2mm.anchors.negatives import read_negatives
from ga2mm.build import build_part
from ga2mm.objectives.classification_loss import ClassificationLoss
from ga2mm.objectives.objective import Objective
from ga2mm.registry import ANCHOR_STRATEGIES, MODELS
from ga2mm.utils import numbered


@dataclass
class AnchorArguments:
    """Arguments of the config's ``model.anchors``.

    Args:
        strategies: Configs of objectives of ``ANCHOR_STRATEGIES``, logged as ``loss_anchor_<type>``. Several
            strategies of the same type are logged with a number: ``loss_anchor_Margin_1``.
        negatives: Names in the place of class names, such as ``['else']``, or a dict of arguments of
            :func:`~ga2mm.anchors.negatives.read_negatives`. Required if a strategy uses negatives.
        log_grad_norm: Log the gradient norm of each strategy, at the cost of a backward pass for each.

    Raises:
        ValueError: There is no strategy, or the negatives are a single string.
    """

    strategies: Sequence[dict[str, Any]]
    negatives: Sequence[str] | dict[str, Any] = ()
    log_grad_norm: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.negatives, str) or not self.strategies:
            raise ValueError(
                'model.anchors needs a list of negatives and a list of strategies, such as '
                "negatives=['else'], strategies=[dict(type='FeatureConsistency')]"
            )

    def read_negatives(self) -> tuple[list[str], tuple[str, ...]]:
        """Give the negatives and their templates."""
        if not self.negatives:
            return [], ()
        source = self.negatives if isinstance(self.negatives, dict) else dict(names=self.negatives)
        return read_negatives(**source)


def build_objectives(
    loss_cls: nn.Module,
    losses: Sequence[dict[str, Any]],
    strategies: Sequence[dict[str, Any]],
    *,
    embed_dim: int,
) -> dict[str, Objective]:
    """Build all objectives of a training run, by the names for the log.

    Args:
        loss_cls: The head's classification loss.
        losses: Configs of ``model.losses``.
        strategies: Configs of ``model.anchors.strategies``.
        embed_dim: Dimensions of the features.

    Raises:
        ValueError: ``losses`` or ``strategies`` is not a list, or contains something other than objectives.
    """
    objectives: dict[str, Objective] = {'loss_cls': ClassificationLoss(loss_cls)}
    for key, prefix, registry, configs in (
        ('model.losses', 'loss_', MODELS, losses),
        ('model.anchors.strategies', 'loss_anchor_', ANCHOR_STRATEGIES, strategies),
    ):
        built = _build(key, registry, configs, embed_dim=embed_dim)
        names = numbered([f'{prefix}{type(one).__name__}' for one in built])
        objectives.update(zip(names, built, strict=True))
    return objectives


def _build(key: str, registry: Registry, configs: Sequence[dict[str, Any]], **given: Any) -> list[Objective]:
    """Build the objectives of a list of the config."""
    if not isinstance(configs, list | tuple):
        raise ValueError(f'{key}={configs!r} is not a list: write [dict(type=...)], or [] for none')
    built = [build_part(registry, dict(config, _scope_='ga2mm'), **given) for config in configs]
    for number, one in enumerate(built):
        if not isinstance(one, Objective):
            raise ValueError(
                f'{key}[{number}] is {type(one).__name__}, which is not an objective: write, for example, '
                "dict(type='SelfConsistency')"
            )
    return built
