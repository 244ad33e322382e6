"""The prompts leave it as open as the frozen CLIP does what an irrelevant video shows."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import cosines


@ANCHOR_STRATEGIES.register_module()
class DistributionConsistency(Objective):
    """What an irrelevant video is taken for stays what the frozen CLIP takes it for.

    ``mean over anchors a of KL(softmax(frozen_logits_a / temperature) || softmax(logits_a / temperature))``
    with ``logits_a = logit_scale · video_a · nameᵀ`` of prompted features and ``frozen_logits_a`` the same of
    frozen ones. The names are the classes or the negatives.

    It reaches the vision prompts through the anchor videos and the text prompts through the names; the
    frozen side gets no gradient. Design choice: knowledge distillation (arXiv 1503.02531) from the frozen
    CLIP, on anchors instead of training clips, without the factor temperature².

    Args:
        weight: Factor of the loss.
        temperature: Above 1 it brings out the small probabilities.
        over: ``'classes'`` or ``'negatives'``: the names to choose from. Negatives need two or more.

    Raises:
        ValueError: ``temperature`` or ``over`` is none of these.
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
        """A choice from a single name is always certain."""
        if not setup.learns:
            return ['has no gradient: neither tower has prompts']
        if (setup.num_classes if self.over == 'classes' else setup.num_negatives) == 1:
            return [f'has no gradient: its softmax is over {self.over}, and there is only one']
        return []

    def forward(self, features: BatchFeatures) -> Tensor:
        """The mean divergence, a scalar of 0 or more, in nats."""
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
