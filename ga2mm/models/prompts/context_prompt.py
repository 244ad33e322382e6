"""The context of CoOp."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ga2mm.datasets.label_map import class_names_of
from ga2mm.models.prompts.deep_prompt import DeepPrompt
from ga2mm.registry import MODELS

CLASS_POSITIONS = ('end', 'middle', 'front')


@MODELS.register_module()
class ContextPrompt(DeepPrompt):
    """Soft prompt of the text tower's input layer: the context of CoOp (arXiv 2109.01134).

    With the class name at the end and one context for all classes it is :class:`DeepPrompt` of depth 1.

    Args:
        length: Number of context tokens.
        init_words: As in :class:`DeepPrompt`.
        class_position: ``'end'``, ``'middle'`` (behind the smaller half of the context) or ``'front'``.
        class_names: Classes that learn a context each, a list or a label map's file; None for one context
            that all classes share. Contexts of their own serve these classes and no others.
        width, layers, word_embeddings: As in :class:`DeepPrompt`.

    Raises:
        ValueError: ``class_position`` is none of these, or the words do not fit.
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
        word_embeddings: Tensor | None = None,
    ) -> None:
        super().__init__(length, 1, init_words, width=width, layers=layers, word_embeddings=word_embeddings)
        if class_position not in CLASS_POSITIONS:
            raise ValueError(
                f'text_prompt.class_position={class_position!r}: give {", ".join(map(repr, CLASS_POSITIONS))}'
            )
        self.class_position = class_position
        self.per_class = class_names is not None
        if self.per_class:
            names = class_names_of(class_names, 'text_prompt.class_names')
            self._index = {name: index for index, name in enumerate(names)}
            contexts = torch.randn(len(self._index), length, width) * 0.02
            if init_words:
                contexts = self.soft_prompt.detach().repeat(len(self._index), 1, 1)
            # Under another name: none of them is a prompt that another run could take as its hard prompt.
            self.class_contexts = nn.Parameter(contexts)
            del self.soft_prompt

    def forward(self, class_names: Sequence[str] = ()) -> list[Tensor]:
        """The context (length, width), or those of the classes (classes, length, width), in a list.

        Raises:
            ValueError: A class has no context of its own.
        """
        if not self.per_class:
            return super().forward()
        unknown = [name for name in class_names if name not in self._index]
        if unknown:
            raise ValueError(
                f'{unknown[0]!r} and {len(unknown) - 1} other names have no context: text_prompt.class_names '
                f'gives {len(self._index)} classes one each, which serve no novel class and no negative; '
                'leave it out, or test on these classes only'
            )
        return [self.class_contexts[[self._index[name] for name in class_names]]]
