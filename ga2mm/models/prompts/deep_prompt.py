"""Deep soft prompts of one tower."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ga2mm.models.prompts.prompt_learner import PromptLearner
from ga2mm.registry import MODELS


@MODELS.register_module()
class DeepPrompt(PromptLearner):
    """Soft prompts of the first ``depth`` layers of a tower (VPT-Deep; IVLP in both towers).

    Args:
        length: Number of prompt tokens.
        depth: Number of layers with prompts, counted from the input; 0 for no prompts.
        init_words: Words whose token embeddings initialise the prompt of the input layer (text tower
            only). Words beyond ``length`` stay in the text. None: N(0, 0.02²), as in the released code.
        width: Width of the tower's tokens. Given by the model.
        layers: Number of layers of the tower. Given by the model.
        embed_words: Gives the token embeddings (tokens, width) of words. Given by the model in the text
            tower.

    Raises:
        ValueError: The prompt does not fit the tower or its words.
    """

    def __init__(
        self,
        length: int,
        depth: int,
        init_words: str | None = None,
        *,
        width: int,
        layers: int,
        embed_words: Callable[[str], Tensor] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= depth <= layers or length < 1:
            raise ValueError(
                f'prompt of depth {depth} and length {length} does not fit a tower of {layers} layers: '
                f'depth must be 0 to {layers}, length at least 1'
            )
        if init_words and embed_words is None:
            raise ValueError(f'init_words={init_words!r} are for the text prompt only: leave them out')
        soft_prompt = torch.randn(depth, length, width) * 0.02
        if init_words and depth > 0:
            soft_prompt[0] = _embeddings(init_words, length, embed_words)
        self.length = length if depth > 0 else 0
        self.words_behind = ' '.join((init_words or '').split()[self.length :])
        self.depth = depth
        self.soft_prompt = nn.Parameter(soft_prompt)

    def forward(self, names: Sequence[str] = (), condition: Any = None) -> list[Tensor]:
        """Give the prompts of the first layers, ``depth`` tensors of shape (length, width)."""
        return list(self.soft_prompt)


def _embeddings(words: str, length: int, embed_words: Callable[[str], Tensor]) -> Tensor:
    """Give the embeddings of the first ``length`` words, one token each."""
    embeddings = embed_words(words)
    if len(embeddings) != len(words.split()):
        raise ValueError(
            f'text_prompt.init_words={words!r} has words of more than one token: choose plainer words, '
            'one token each'
        )
    if len(embeddings) < length:
        raise ValueError(
            f'init_words={words!r} are {len(embeddings)} tokens, too few for a prompt of length {length}: '
            'give more words, or leave the key out for a random start'
        )
    return embeddings[:length]
