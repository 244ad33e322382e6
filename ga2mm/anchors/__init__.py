"""All of the anchors in one room: their videos, their way into a batch, what is demanded of them."""

from ga2mm.anchors.anchor_class_dataset import AnchorClassDataset
from ga2mm.anchors.anchor_dataset import AnchorDataset
from ga2mm.anchors.anchor_objective import AnchorObjective, AnchorStrategy, BatchFeatures, TuningSetup
from ga2mm.anchors.anchor_sampler import AnchorBatchSampler
from ga2mm.anchors.anchor_video_dataset import AnchorVideoDataset
from ga2mm.anchors.anchor_video_folder import AnchorVideoFolder
from ga2mm.anchors.distribution_consistency import DistributionConsistency
from ga2mm.anchors.feature_consistency import FeatureConsistency
from ga2mm.anchors.generated_anchors import GeneratedAnchors
from ga2mm.anchors.joint_softmax import JointSoftmax
from ga2mm.anchors.margin import Margin
from ga2mm.anchors.released_anchor import ReleasedAnchor
from ga2mm.anchors.residual_feature_distillation import ResidualFeatureDistillation
from ga2mm.anchors.self_consistency import SelfConsistency
from ga2mm.anchors.weighted_anchors import WeightedAnchors

__all__ = [
    'AnchorBatchSampler',
    'AnchorClassDataset',
    'AnchorDataset',
    'AnchorObjective',
    'AnchorStrategy',
    'AnchorVideoDataset',
    'AnchorVideoFolder',
    'BatchFeatures',
    'DistributionConsistency',
    'FeatureConsistency',
    'GeneratedAnchors',
    'JointSoftmax',
    'Margin',
    'ReleasedAnchor',
    'ResidualFeatureDistillation',
    'SelfConsistency',
    'TuningSetup',
    'WeightedAnchors',
]
