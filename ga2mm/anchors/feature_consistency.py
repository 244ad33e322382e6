"""Anchors and negative prompts keep their place in the frozen CLIP's space."""

from torch import Tensor

from ga2mm.anchors.anchor_objective import AnchorStrategy, BatchFeatures, TuningSetup
from ga2mm.models.losses import CosineConsistencyLoss
from ga2mm.registry import ANCHOR_STRATEGIES


@ANCHOR_STRATEGIES.register_module()
class FeatureConsistency(AnchorStrategy):
    """What the prompts do to irrelevant videos and negative prompts is held to what CLIP says of them.

    ``mean over anchors a of (1 - cos(video_a, frozen_video_a)) +
    mean over negatives n of (1 - cos(prompted_negative_n, negative_n))``

    The first term reaches the vision prompts, the second the text prompts and the mapping layer. Design
    choice: the paper's own form is not in its released code, whose term has no gradient (see
    :class:`~ga2mm.anchors.ReleasedAnchor`).
    """

    uses = ('videos', 'frozen_videos', 'negatives', 'prompted_negatives')

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.consistency = CosineConsistencyLoss()

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """Each term needs prompts in its tower."""
        if not setup.learns:
            return ['has no gradient: neither tower has prompts']
        if not setup.vision_learns:
            return ['has no gradient in its term over anchor videos: the vision tower has no prompts']
        if not setup.text_learns:
            return ['has no gradient in its term over negatives: the text tower has no prompts']
        return []

    def loss(self, features: BatchFeatures) -> Tensor:
        """The sum of both terms, a scalar between 0 and 4."""
        return self.consistency(features.videos, features.frozen_videos) + self.consistency(
            features.prompted_negatives, features.negatives
        )
