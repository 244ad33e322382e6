"""An example prompt learner that shares one prompt between the layers of the vision tower."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ga2mm.registry import MODELS


@MODELS.register_module()
class SharedPrompt(BaseModule):
    """One soft prompt for the first ``depth`` layers, multiplied by a learnt factor per layer."""

    def __init__(self, length: int, depth: int, *, width: int, layers: int) -> None:
        super().__init__()
        if not 1 <= depth <= layers:
            raise ValueError(f'vision_prompt.depth={depth}: give 1 to {layers}, the layers of the tower')
        self.soft_prompt = nn.Parameter(torch.randn(length, width) * 0.02)
        self.factors = nn.Parameter(torch.ones(depth))

    def forward(self) -> list[Tensor]:
        return [factor * self.soft_prompt for factor in self.factors]
