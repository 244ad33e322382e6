"""Attention over frames, guided by the class texts."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from ga2mm.registry import MODELS


@MODELS.register_module()
class ClassGuidedAttention(BaseModule):
    """A mean over the frames of a clip for each class, weighted by the similarity of frame and class.

    The weights are a softmax over the frames of ``cos(frame, class) / temperature``. The model has no
    parameters; both towers get gradient through the weights. The order of the frames has no effect. With one
    frame, and in the limit of a high temperature, the output is exactly the mean over frames.

    Source: video concept spotting of BIKE (arXiv 2301.00182), and its temperature. Design choices: BIKE
    weights the frames by each word of the class name, we by the class feature. BIKE averages unit frames and
    does not normalise the mean; we average as in the mean over frames.

    Args:
        temperature: The temperature of the softmax, above 0.

    Raises:
        ValueError: The temperature is not above 0.
    """

    def __init__(self, temperature: float = 0.01) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f'model.temporal.temperature={temperature} is not above 0: try 0.01')
        self.temperature = temperature

    def forward(self, frame_features: Tensor, class_features: Tensor) -> Tensor:
        """Pool frames (clips, T, embed_dim) to unit features (clips, classes, embed_dim)."""
        similarity = F.normalize(frame_features, dim=-1) @ class_features.transpose(-1, -2)
        weights = (similarity / self.temperature).softmax(dim=1)
        return F.normalize(weights.transpose(1, 2) @ frame_features, dim=-1)
