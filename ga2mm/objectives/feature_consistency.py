"""Consistency of anchor videos and negatives with their frozen CLIP features."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES


@ANCHOR_STRATEGIES.register_module()
class FeatureConsistency(Objective):
    """Distance of the prompted features of anchor videos and negatives from their frozen CLIP features.

    ``mean over anchors a of (1 - cos(video_a, frozen_video_a)) +
    mean over negatives n of (1 - cos(prompted_negative_n, negative_n))``

    The first term has a gradient with respect to the vision prompts, the second with respect to the text
    prompts and the mapping layer. Design choice: the released code does not contain the paper's form, and its
    own term has no gradient (see :class:`~ga2mm.objectives.ReleasedAnchor`).
    """

    uses = ('videos', 'frozen_videos', 'negatives', 'prompted_negatives')

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient: each term needs prompts in its tower."""
        if not setup.learns:
            return ['has no gradient: neither tower has prompts']
        if not setup.vision_learns:
            return ['has no gradient in its term over anchor videos: the vision tower has no prompts']
        if not setup.text_learns:
            return ['has no gradient in its term over negatives: the text tower has no prompts']
        return []

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the sum of both terms, a scalar between 0 and 4."""
        videos = _distance(features.videos, features.frozen_videos)
        return videos + _distance(features.prompted_negatives, features.negatives)


def _distance(found: Tensor, frozen: Tensor) -> Tensor:
    """Give the mean of 1 - cosine; the frozen features get no gradient."""
    return (1 - F.cosine_similarity(found, frozen.detach(), dim=-1)).mean()
