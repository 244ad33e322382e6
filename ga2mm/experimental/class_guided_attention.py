"""Attention over frames that each class guides by its text."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from ga2mm.registry import MODELS


@MODELS.register_module()
class ClassGuidedAttention(BaseModule):
    """A clip's feature for a class: the mean of its frames, weighted by how much they look like the class.

    The weights are a softmax over the frames of ``cos(frame, class) / temperature``. Nothing is learnt here;
    the gradient passes through the weights to both towers. The order of the frames does not matter. One frame
    gives the mean over frames exactly, and so does the limit of a high temperature.

    Source: video concept spotting of BIKE (arXiv 2301.00182), and its temperature. Design choices: there each
    word of the class name weighs the frames, here the class feature does; there unit frames are averaged and
    the mean keeps its length, here it is as in the mean over frames.

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
        """Unit features (clips, classes, embed_dim) of frames (clips, T, embed_dim)."""
        similarity = F.normalize(frame_features, dim=-1) @ class_features.transpose(-1, -2)
        weights = (similarity / self.temperature).softmax(dim=1)
        return F.normalize(weights.transpose(1, 2) @ frame_features, dim=-1)
