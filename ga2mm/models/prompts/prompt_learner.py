"""The interface of prompt learners."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from mmengine.model import BaseModule
from torch import Tensor

if TYPE_CHECKING:
    from ga2mm.models.video_encoder import VideoTokens


class PromptLearner(BaseModule):
    """A module that gives the prompts of a tower, one entry for each layer.

    An entry is None or a tensor (length, width). In the text tower it may also be (names, length, width) for
    prompts per name, or (clips, 1 or names, length, width) for prompts per clip. Learners of the vision tower
    are called without arguments.

    The model passes keyword-only arguments of the constructor (:func:`~ga2mm.build.build_part`):
    ``width`` and ``layers`` of the tower, ``embed_dim``, ``vision_width``, ``vision_layers``,
    ``embed_words``.

    Attributes:
        uses: Attributes of :class:`~ga2mm.models.VideoTokens` that :meth:`condition` reads; ``'layers'``
            needs much memory.
        class_position: Position of the class name: ``'end'``, after the prompt, ``'middle'`` or ``'front'``.
        length: Number of prompt tokens in the text.
        depth: Number of layers with prompts, counted from the input.
        words_behind: Words between prompt and class name.
    """

    uses: tuple[str, ...] = ()
    class_position = 'end'
    length: int
    depth: int
    words_behind = ''

    @property
    def shared_depth(self) -> int:
        """Number of layers whose prompts all clips and names share."""
        return self.depth

    def condition(self, videos: 'VideoTokens') -> Any:
        """Compute the input of prompts that depend on the clip, one entry per clip; None for other prompts.

        It is computed once per batch; indexing it with a list or a slice selects clips.
        """
        return None

    def cache_keys(self, condition: Any) -> Sequence[Hashable] | None:
        """Give a cache key for each clip; clips with equal prompts have equal keys.

        Prompts that do not depend on the clip have a single key. None means that no two clips share prompts,
        so a cache has no use.
        """
        return [()] if condition is None else None

    def forward(self, names: Sequence[str] = (), condition: Any = None) -> Sequence[Tensor | None]:
        """Give the prompts of the layers for names and for the clips of a condition."""
        raise NotImplementedError
