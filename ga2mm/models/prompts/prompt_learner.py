"""The contract of prompt learners."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from mmengine.model import BaseModule
from torch import Tensor

if TYPE_CHECKING:
    from ga2mm.models.video_encoder import VideoTokens


class PromptLearner(BaseModule):
    """A module that gives the prompts of a tower, one entry for each layer.

    An entry is None or a tensor (length, width). In the text tower it may also be (names, length, width),
    where each name has prompts of its own, or (clips, 1 or names, length, width), where each clip has.
    Learners of the vision tower are called without arguments.

    Keyword-only arguments of the constructor are given by the model (:func:`~ga2mm.build.build_part`):
    ``width`` and ``layers`` of the tower, ``embed_dim``, ``vision_width``, ``vision_layers``,
    ``embed_words``.

    Attributes:
        uses: What :meth:`condition` reads of :class:`~ga2mm.models.VideoTokens`; ``'layers'`` costs memory.
        class_position: Where the class name stands: at the ``'end'``, behind the prompt, in its ``'middle'``
            or at its ``'front'``.
        length: Number of prompt tokens that the text makes room for.
        depth: Number of layers, counted from the input, that get prompts.
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
        """Give what the prompts depend on, with one entry for each clip, or None if they depend on no clip.

        It is computed once for a batch; indexing it with a list or a slice selects clips.
        """
        return None

    def cache_keys(self, condition: Any) -> Sequence[Hashable] | None:
        """Give a key for each clip, equal where the prompts are equal.

        Prompts that depend on no clip have one key alone. None means that no two clips share prompts, so that
        nothing is worth keeping.
        """
        return [()] if condition is None else None

    def forward(self, names: Sequence[str] = (), condition: Any = None) -> Sequence[Tensor | None]:
        """Give the prompts of the layers for names and the clips behind a condition."""
        raise NotImplementedError
