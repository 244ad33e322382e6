"""An anchor strategy: an anchor is nearer to a negative prompt than to any class, by a margin."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.anchors import AnchorStrategy, BatchFeatures
from ga2mm.registry import ANCHOR_STRATEGIES


@ANCHOR_STRATEGIES.register_module()
class NegativeMargin(AnchorStrategy):
    """``mean over anchors a of ReLU(margin + max_c cos(a, c) - max_n cos(a, n))``."""

    uses = ('videos', 'prompted_negatives')

    def __init__(self, margin: float = 0.1, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.margin = margin

    def loss(self, features: BatchFeatures) -> Tensor:
        of_classes = (features.videos @ features.classes.t()).amax(dim=1)
        of_negatives = (features.videos @ features.prompted_negatives.t()).amax(dim=1)
        return F.relu(self.margin + of_classes - of_negatives).mean()
