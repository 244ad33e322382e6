"""Losses, one a file: functions of tensors that know no model."""

from ga2mm.models.losses.cosine_consistency_loss import CosineConsistencyLoss

__all__ = ['CosineConsistencyLoss']
