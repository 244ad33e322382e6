"""Encoded clips, ready to be compared with any classes."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class EncodedClips:
    """What a recognizer keeps of B encoded clips to compare them with any classes.

    Attributes:
        features: Features (B, embed_dim), the mean over frames: unit features, or a mean of them.
        frames: Features (B, T, embed_dim) of the frames, not normalised, for a temporal model; else None.
        condition: Input of text prompts that depend on the clip, one entry per clip; else None.
        frozen: The frozen CLIP's features (B, embed_dim) if its logits are averaged in; else None.
    """

    features: Tensor
    frames: Tensor | None = None
    condition: Any = None
    frozen: Tensor | None = None

    @property
    def linear(self) -> bool:
        """Whether the logits of every class are linear in ``features`` and ``frozen``."""
        return self.frames is None and self.condition is None

    def to(self, device: str | torch.device) -> 'EncodedClips':
        """Give a copy on a device."""
        return _moved(self, device)


def _moved(value: Any, device: str | torch.device) -> Any:
    """Give a tensor, or a dataclass of tensors, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if value is None:
        return None
    return replace(value, **{one.name: _moved(getattr(value, one.name), device) for one in fields(value)})
