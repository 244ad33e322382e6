"""Distillation of the frozen CLIP's class distribution on irrelevant videos."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import cosines


@ANCHOR_STRATEGIES.register_module()
class DistributionConsistency(Objective):
    """A divergence between the predicted distributions of the prompted and the frozen CLIP on anchor videos.

    ``mean over anchors a of KL(softmax(frozen_logits_a / temperature) || softmax(logits_a / temperature))``
    with ``logits_a = logit_scale · video_a · nameᵀ`` of prompted features and ``frozen_logits_a`` the same
    product of frozen features. The names are the classes or the negatives.

    The vision prompts get gradient through the anchor videos, the text prompts through the names, and the
    frozen features get none. Design choice: knowledge distillation (arXiv 1503.02531) from the frozen CLIP,
    on anchors instead of training clips, without the factor temperature².

    Args:
        weight: Factor of the loss.
        temperature: Temperature of both softmaxes; values above 1 emphasise small probabilities.
        over: The names of the softmax, ``'classes'`` or ``'negatives'``. At least two negatives are needed.

    Raises:
        ValueError: ``temperature`` is not above 0, or ``over`` is invalid.
    """

    def __init__(self, weight: float = 1.0, temperature: float = 1.0, over: str = 'classes') -> None:
        super().__init__(weight)
        if temperature <= 0:
            raise ValueError(f'DistributionConsistency has temperature={temperature}: give a number above 0')
        if over not in ('classes', 'negatives'):
            raise ValueError(f"DistributionConsistency has over={over!r}: give 'classes' or 'negatives'")
        self.temperature = temperature
        self.over = over
        names = (
            ('video_classes', 'frozen_classes') if over == 'classes' else ('prompted_negatives', 'negatives')
        )
        self.uses = ('videos', 'frozen_videos', *names)

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient: a softmax over a single name is constant."""
        if not setup.learns:
            return ['has no gradient: neither tower has prompts']
        if (setup.num_classes if self.over == 'classes' else setup.num_negatives) == 1:
            return [f'has no gradient: its softmax is over {self.over}, and there is only one']
        return []

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the mean divergence, a scalar of 0 or more, in nats."""
        names, frozen_names = features.video_classes, features.frozen_classes
        if self.over == 'negatives':
            names, frozen_names = features.prompted_negatives, features.negatives
        scale = features.logit_scale / self.temperature
        logits = scale * cosines(features.videos, names)
        frozen_logits = scale * cosines(features.frozen_videos, frozen_names)
        return F.kl_div(
            logits.log_softmax(dim=-1),
            frozen_logits.log_softmax(dim=-1).detach(),
            reduction='batchmean',
            log_target=True,
        )
