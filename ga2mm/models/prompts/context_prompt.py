"""The context prompt of CoOp."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ga2mm.datasets.label_map import class_names_of
from ga2mm.models.prompts.deep_prompt import DeepPrompt
from ga2mm.registry import MODELS

CLASS_POSITIONS = ('end', 'middle', 'front')


@MODELS.register_module()
class ContextPrompt(DeepPrompt):
    """Soft prompt of the text tower's input layer: the context of CoOp (arXiv 2109.01134).

    With the class name at the end and one context for all classes it equals :class:`DeepPrompt` of depth 1.

    Args:
        length: Number of context tokens.
        init_words: As in :class:`DeepPrompt`.
        class_position: ``'end'``, ``'middle'`` (after the first half of the context, rounded down) or
            ``'front'``.
        class_names: Classes that learn one context each, a list or the file of a label map; None for one
            context that all classes share. Contexts per class cannot be used for other classes.
        width, layers, embed_words: As in :class:`DeepPrompt`.

    Raises:
        ValueError: ``class_position`` is invalid, or the words do not fit.
    """

    def __init__(
        self,
        length: int,
        init_words: str | None = None,
        class_position: str = 'end',
        class_names: Sequence[str] | str | Path | None = None,
        *,
        width: int,
        layers: int,
        embed_words: Callable[[str], Tensor] | None = None,
    ) -> None:
        super().__init__(length, 1, init_words, width=width, layers=layers, embed_words=embed_words)
        if class_position not in CLASS_POSITIONS:
            raise ValueError(
                f'text_prompt.class_position={class_position!r}: give {", ".join(map(repr, CLASS_POSITIONS))}'
            )
        self.class_position = class_position
        self._index: dict[str, int] | None = None
        if class_names is not None:
            names = class_names_of(class_names, 'text_prompt.class_names')
            self._index = {name: index for index, name in enumerate(names)}
            contexts = torch.randn(len(self._index), length, width) * 0.02
            if init_words:
                contexts = self.soft_prompt.detach().repeat(len(self._index), 1, 1)
            # Not named soft_prompt, since another run cannot use a context of one class as its hard prompt.
            self.class_contexts = nn.Parameter(contexts)
            del self.soft_prompt

    @property
    def shared_depth(self) -> int:
        """Number of layers with a shared prompt; 0 with contexts per class."""
        return self.depth if self._index is None else 0

    def forward(self, names: Sequence[str] = (), condition: Any = None) -> list[Tensor]:
        """Give the context (length, width), or the contexts of classes (classes, length, width), in a list.

        Raises:
            ValueError: A name is not among the classes with a context.
        """
        if self._index is None:
            return super().forward()
        unknown = [name for name in names if name not in self._index]
        if unknown:
            raise ValueError(
                f'{unknown[0]!r} and {len(unknown) - 1} other names have no context: text_prompt.class_names '
                f'gives contexts to {len(self._index)} classes only, not to novel classes and negatives; '
                'leave that key out, or test on these classes only'
            )
        index = torch.tensor([self._index[name] for name in names])
        return [self.class_contexts[index.to(self.class_contexts.device, non_blocking=True)]]
