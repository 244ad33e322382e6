"""An irrelevant video is closer to a negative than to any class."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import cosines


@ANCHOR_STRATEGIES.register_module()
class Margin(Objective):
    """The closest class of an anchor stays behind its closest negative by a margin.

    ``mean over anchors a of f(max over classes c of (video_a · class_c) -
    max over negatives n of (video_a · negative_n) + margin)`` with ``f(x) = log(1 + exp(x))`` (softplus) or
    ``f(x) = max(x, 0)`` (hinge). Similarities are cosines, without the logit scale.

    It reaches the vision prompts through the anchor videos and the text prompts through the closest class,
    and through the closest negative too where it is prompted. With the hinge an anchor that keeps the margin
    has no gradient. Source: a comment in the code released with arXiv 2511.22125, which has one negative.
    The value of the margin is a design choice.

    Args:
        weight: Factor of the loss.
        margin: How much closer the negative should be, a difference of cosines of 0 or more.
        form: ``'softplus'`` or ``'hinge'``.
        prompted_negatives: Encode the negatives with the text prompts instead of the frozen text tower.

    Raises:
        ValueError: ``margin`` or ``form`` is none of these.
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
        """It acts through either tower."""
        return [] if setup.learns else ['has no gradient: neither tower has prompts']

    def forward(self, features: BatchFeatures) -> Tensor:
        """The mean over the anchors, a scalar of 0 or more."""
        classes = cosines(features.videos, features.video_classes).amax(dim=-1)
        negatives = cosines(features.videos, getattr(features, self.negatives)).amax(dim=-1)
        return self.form(classes - negatives + self.margin).mean()
