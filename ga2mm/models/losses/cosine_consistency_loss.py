"""Cosine distance between features that should agree."""

import torch.nn.functional as F
from torch import Tensor, nn

from ga2mm.registry import MODELS


@MODELS.register_module()
class CosineConsistencyLoss(nn.Module):
    """``loss_weight · mean(1 - cos(features, targets))``.

    Args:
        loss_weight: Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, features: Tensor, targets: Tensor) -> Tensor:
        """Loss of features (N, D) against targets (N, D), which get no gradient; a scalar from 0 to 2."""
        return self.loss_weight * (1 - F.cosine_similarity(features, targets.detach(), dim=-1)).mean()
