"""What the head needs to know of a text prompt learner."""

from mmengine.model import BaseModule
from torch import Tensor


class PromptLearner(BaseModule):
    """A module that answers the prompts of a tower: a list with one entry a layer.

    An entry is None or a tensor (length, width). What :meth:`forward` takes follows from the attributes:
    nothing, or :class:`~ga2mm.models.prompts.VideoTokens` where it is ``conditional``, or the class names
    where it is ``per_class``. Entries are then (clips, length, width) or (classes, length, width).

    Attributes:
        given_by_head: Constructor arguments that the head gives beside ``width`` and ``layers``:
            ``'embed_dim'``, ``'vision_width'``, ``'vision_layers'``.
        conditional: Whether the prompts depend on the video. Class features are then (clips, classes,
            embed_dim); between batches they are kept only where clips share what they retrieved.
        uses_layers: Whether a conditional learner reads the patch tokens of the vision layers.
        per_class: Whether each class has prompts of its own.
        class_position: Where the class name stands: at the ``'end'``, behind the prompt, in its ``'middle'``
            or at its ``'front'``.
        length: Number of prompt tokens that the text makes room for.
        depth: Number of layers, counted from the input, that get prompts.
        init_words: Words that the prompt starts from; those beyond ``length`` stay in the text.
    """

    given_by_head: tuple[str, ...] = ()
    conditional = False
    uses_layers = False
    per_class = False
    class_position = 'end'
    length: int
    depth: int
    init_words: str | None = None

    def losses(self) -> dict[str, Tensor]:
        """Weighted losses on what the last forward pass in training saw, by name; asked for once after it."""
        return {}
