"""Anchor strategy: consistency of the anchors that tuning moves most."""

from torch import Tensor

from ga2mm.objectives import BatchFeatures, Objective
from ga2mm.registry import ANCHOR_STRATEGIES


@ANCHOR_STRATEGIES.register_module()
class DriftWeighted(Objective):
    """``sum over anchors of softmax(drift / T) · drift``, drift = 1 - cos(v, v*). Design choice.

    Args:
        temperature: T; the smaller, the more only the anchor that moved most counts.
        weight: Factor of the loss.
    """

    uses = ('videos', 'frozen_videos')

    def __init__(self, temperature: float = 0.01, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.temperature = temperature

    def forward(self, features: BatchFeatures) -> Tensor:
        drift = 1 - (features.videos * features.frozen_videos).sum(dim=-1)
        return ((drift.detach() / self.temperature).softmax(dim=0) * drift).sum()
