"""All of the anchors in one room: their videos, their way into a batch, what is demanded of them."""

from ga2mm.anchors.anchor_dataset import AnchorDataset
from ga2mm.anchors.anchor_objective import AnchorFeatures, AnchorObjective, AnchorStrategy
from ga2mm.anchors.anchor_sampler import AnchorBatchSampler
from ga2mm.anchors.anchor_video_dataset import AnchorVideoDataset
from ga2mm.anchors.feature_consistency import FeatureConsistency
from ga2mm.anchors.released_anchor import ReleasedAnchor

__all__ = [
    'AnchorBatchSampler',
    'AnchorDataset',
    'AnchorFeatures',
    'AnchorObjective',
    'AnchorStrategy',
    'AnchorVideoDataset',
    'FeatureConsistency',
    'ReleasedAnchor',
]
