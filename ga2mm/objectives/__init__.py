"""Training objectives, one per file. They map tensors to a scalar and do not depend on the model."""

from ga2mm.objectives.classification_loss import ClassificationLoss
from ga2mm.objectives.dual_stream_contrastive_loss import DualStreamContrastiveLoss
from ga2mm.objectives.feature_consistency import FeatureConsistency
from ga2mm.objectives.key_loss import KeyLoss
from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.objectives.objectives import Objectives
from ga2mm.objectives.released_anchor import ReleasedAnchor
from ga2mm.objectives.residual_feature_distillation import ResidualFeatureDistillation
from ga2mm.objectives.self_consistency import SelfConsistency
from ga2mm.objectives.self_regularization_loss import SelfRegularizationLoss

__all__ = [
    'BatchFeatures',
    'ClassificationLoss',
    'DualStreamContrastiveLoss',
    'FeatureConsistency',
    'KeyLoss',
    'Objective',
    'Objectives',
    'ReleasedAnchor',
    'ResidualFeatureDistillation',
    'SelfConsistency',
    'SelfRegularizationLoss',
    'TuningSetup',
]
