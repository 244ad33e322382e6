"""What the vision tower made of videos, for prompts that depend on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass
class VideoTokens:
    """Features of clips and the patch tokens that led to them.

    Attributes:
        features: Unit features (B, embed_dim), the mean over frames.
        frames: Features of the frames (B, T, embed_dim), not normalised.
        layers: Patch tokens behind each vision layer, (B, T · patches, vision width); empty unless the text
            prompt learner has ``uses_layers``.
    """

    features: Tensor
    frames: Tensor
    layers: Sequence[Tensor] = ()

    def __getitem__(self, chosen: Tensor) -> 'VideoTokens':
        """Those of the chosen clips, indices or a mask."""
        layers = [layer[chosen] for layer in self.layers]
        return VideoTokens(self.features[chosen], self.frames[chosen], layers)
