"""The conditional prompt of CoCoOp."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from ga2mm.models.prompts.deep_prompt import DeepPrompt
from ga2mm.registry import MODELS

if TYPE_CHECKING:
    from ga2mm.models.video_encoder import VideoTokens

REDUCTION = 16
"""Ratio of the features' width to that of the meta-net, as in the released code."""


@MODELS.register_module()
class ConditionalPrompt(DeepPrompt):
    """Soft prompt of the text tower's input layer, shifted for each clip: CoCoOp (arXiv 2203.05557).

    ``context + W2 ReLU(W1 x + b1) + b2``, the same shift for all context tokens of a clip, where x is the
    clip's unit feature. Source: the released code for images, with a clip in place of an image.

    Class features depend on the clip, so a batch of B clips needs B passes over all classes.

    Args:
        length: Number of context tokens.
        init_words: As in :class:`DeepPrompt`.
        width, layers, embed_words: As in :class:`DeepPrompt`.
        embed_dim: Dimensions of the features. Given by the model.
    """

    uses = ('features',)
    shared_depth = 0

    def __init__(
        self,
        length: int,
        init_words: str | None = None,
        *,
        width: int,
        layers: int,
        embed_dim: int,
        embed_words: Callable[[str], Tensor] | None = None,
    ) -> None:
        super().__init__(length, 1, init_words, width=width, layers=layers, embed_words=embed_words)
        hidden = max(1, embed_dim // REDUCTION)
        self.meta_net = nn.Sequential(nn.Linear(embed_dim, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def condition(self, videos: 'VideoTokens') -> Tensor:
        """Give the unit features (B, embed_dim) of the clips."""
        return videos.features

    def forward(self, names: Sequence[str], condition: Tensor) -> list[Tensor]:
        """Give the contexts of the clips, one tensor (B, 1, length, width) in a list."""
        return [self.soft_prompt[0] + self.meta_net(condition)[:, None, None]]
