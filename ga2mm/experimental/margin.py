"""A margin loss between classes and negatives on irrelevant videos."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import cosines


@ANCHOR_STRATEGIES.register_module()
class Margin(Objective):
    """A margin by which an anchor should be closer to its closest negative than to its closest class.

    ``mean over anchors a of f(max over classes c of (video_a · class_c) -
    max over negatives n of (video_a · negative_n) + margin)`` with ``f(x) = log(1 + exp(x))`` (softplus) or
    ``f(x) = max(x, 0)`` (hinge). Similarities are cosines, without the logit scale.

    The vision prompts get gradient through the anchor videos, the text prompts through the closest class, and
    through the closest negative if it is prompted. With the hinge an anchor that satisfies the margin has no
    gradient. Source: a comment in the code released with arXiv 2511.22125, which has one negative. The value
    of the margin is a design choice.

    Args:
        weight: Factor of the loss.
        margin: The margin, a difference of cosines of 0 or more.
        form: ``'softplus'`` or ``'hinge'``.
        prompted_negatives: Encode the negatives with the text prompts instead of the frozen text tower.

    Raises:
        ValueError: ``margin`` is negative, or ``form`` is invalid.
    """

    def __init__(
        self,
        weight: float = 1.0,
        margin: float = 0.1,
        form: str = 'softplus',
        prompted_negatives: bool = False,
    ) -> None:
        super().__init__(weight)
        if margin < 0:
            raise ValueError(f'Margin has margin={margin}: give 0 or more')
        if form not in ('softplus', 'hinge'):
            raise ValueError(f"Margin has form={form!r}: give 'softplus' or 'hinge'")
        self.margin = margin
        self.form = F.softplus if form == 'softplus' else F.relu
        self.negatives = 'prompted_negatives' if prompted_negatives else 'negatives'
        self.uses = ('videos', 'video_classes', self.negatives)

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient: the term needs prompts in at least one tower."""
        return [] if setup.learns else ['has no gradient: neither tower has prompts']

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the mean over the anchors, a scalar of 0 or more."""
        classes = cosines(features.videos, features.video_classes).amax(dim=-1)
        negatives = cosines(features.videos, getattr(features, self.negatives)).amax(dim=-1)
        return self.form(classes - negatives + self.margin).mean()
