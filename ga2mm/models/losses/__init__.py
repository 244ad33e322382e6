"""Losses, one a file: functions of tensors that know no model."""

from ga2mm.models.losses.auxiliary_loss import AuxiliaryLoss
from ga2mm.models.losses.cosine_consistency_loss import CosineConsistencyLoss
from ga2mm.models.losses.dual_stream_contrastive_loss import DualStreamContrastiveLoss
from ga2mm.models.losses.self_regularization_loss import SelfRegularizationLoss

__all__ = [
    'AuxiliaryLoss',
    'CosineConsistencyLoss',
    'DualStreamContrastiveLoss',
    'SelfRegularizationLoss',
]
