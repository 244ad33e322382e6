"""What is demanded of anchors: negatives, strategies and the features they see."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ga2mm.registry import ANCHOR_STRATEGIES


@dataclass
class AnchorFeatures:
    """Unit features of one batch, as an anchor strategy sees them.

    Attributes:
        videos: Anchor videos with vision prompts, (anchors, embed_dim).
        frozen_videos: The same without prompts; None unless a strategy uses it.
        classes: Classes with text prompts, (classes, embed_dim).
        negatives: Negative prompts from the frozen text tower, (negatives, embed_dim).
        prompted_negatives: The same negatives with text prompts; None unless a strategy uses it.
        logit_scale: The scale of the logits, a scalar.
    """

    videos: Tensor
    frozen_videos: Tensor | None
    classes: Tensor
    negatives: Tensor
    prompted_negatives: Tensor | None
    logit_scale: Tensor


class AnchorStrategy(BaseModule):
    """One demand on the anchors; register subclasses in ``ANCHOR_STRATEGIES``.

    Class attribute ``uses`` names the optional entries of :class:`AnchorFeatures` that must be computed.

    Args:
        weight: Factor of the strategy's term.
    """

    uses: tuple[str, ...] = ()

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def no_effect(self, num_negatives: int) -> str | None:
        """Why this strategy has no gradient with so many negatives; None where it has one."""
        return None

    def logit_shift(self, features: AnchorFeatures) -> Tensor | None:
        """What to add to the logits of labelled clips, of shape (classes,) or (1,); None for nothing."""
        return None

    def loss(self, features: AnchorFeatures) -> Tensor | None:
        """A scalar loss without ``weight``; None where the strategy acts on the logits only."""
        return None


class AnchorObjective(BaseModule):
    """Negative prompts and strategies (config key ``model.anchors``).

    Args:
        negatives: Words that go where a class name goes: ``'else'``.
        strategies: Configs of anchor strategies; their terms add up.

    Raises:
        ValueError: There is no negative or no strategy.
    """

    def __init__(self, negatives: Sequence[str], strategies: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        if isinstance(negatives, str) or not negatives or not strategies:
            raise ValueError(
                'model.anchors needs a list of negatives and a list of strategies, such as '
                "negatives=['else'], strategies=[dict(type='FeatureConsistency')]"
            )
        self.negatives = list(negatives)
        self.strategies = nn.ModuleList(
            ANCHOR_STRATEGIES.build(dict(strategy, _scope_='ga2mm')) for strategy in strategies
        )
        for strategy in self.strategies:
            reason = strategy.no_effect(len(self.negatives))
            if reason is not None:
                warnings.warn(f'{type(strategy).__name__} has no gradient: {reason}', stacklevel=2)

    def uses(self, name: str) -> bool:
        """Whether any strategy uses this optional entry of :class:`AnchorFeatures`."""
        return any(name in strategy.uses for strategy in self.strategies)

    def shift_logits(self, logits: Tensor, features: AnchorFeatures) -> Tensor:
        """Logits (clips, classes) with the strategies' shifts added."""
        for strategy in self.strategies:
            shift = strategy.logit_shift(features)
            if shift is not None:
                logits = logits + strategy.weight * shift
        return logits

    def losses(self, features: AnchorFeatures) -> dict[str, Tensor]:
        """The strategies' losses, weighted, by name."""
        losses: dict[str, Tensor] = {}
        for strategy in self.strategies:
            loss = strategy.loss(features)
            if loss is not None:
                key = f'loss_anchor_{type(strategy).__name__}'
                losses[key] = losses.get(key, 0) + strategy.weight * loss
        return losses
