"""Classification of irrelevant videos as negatives."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import cosines


@ANCHOR_STRATEGIES.register_module()
class JointSoftmax(Objective):
    """Cross-entropy of the anchors over classes and negatives together.

    ``mean over anchors a of -log(sum over negatives n of p(n | a))``, where p is the softmax of
    ``logit_scale · video_a · nameᵀ`` over all classes and all negatives.

    The vision prompts get gradient through the anchor videos, the text prompts through the classes, and
    through the negatives if these are prompted. Design choice.

    Args:
        weight: Factor of the loss.
        prompted_negatives: Encode the negatives with the text prompts instead of the frozen text tower.
    """

    def __init__(self, weight: float = 1.0, prompted_negatives: bool = False) -> None:
        super().__init__(weight)
        self.negatives = 'prompted_negatives' if prompted_negatives else 'negatives'
        self.uses = ('videos', 'video_classes', self.negatives)

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient: the term needs prompts in at least one tower."""
        return [] if setup.learns else ['has no gradient: neither tower has prompts']

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the mean cross-entropy, a scalar of 0 or more, in nats."""
        videos = features.logit_scale * features.videos
        classes = cosines(videos, features.video_classes).logsumexp(dim=-1)
        negatives = cosines(videos, getattr(features, self.negatives)).logsumexp(dim=-1)
        return F.softplus(classes - negatives).mean()  # log((C + N) / N) = log(1 + C / N)
