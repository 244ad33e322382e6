"""Features as the input of objectives."""

import math

import torch
import torch.nn.functional as F

from ga2mm.objectives import BatchFeatures

SCALE = torch.tensor(5.0)


def seeded(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def given(**features) -> BatchFeatures:
    """Features for an objective that uses only these."""
    names = ('clips', 'classes', 'labels', 'logits', 'logit_scale')
    return BatchFeatures(**{**dict.fromkeys(names), **features})


def features(*shape: int, seed: int) -> torch.Tensor:
    return F.normalize(seeded(*shape, seed=seed), dim=-1)


def log_share(values: list[float], place: int) -> float:
    return math.log(math.exp(values[place]) / sum(map(math.exp, values)))
