"""Deep soft prompts for one tower."""

import torch
from torch import Tensor, nn

from ga2mm.models.prompts.prompt_learner import PromptLearner
from ga2mm.registry import MODELS


@MODELS.register_module()
class DeepPrompt(PromptLearner):
    """Soft prompts of the first ``depth`` layers of a tower (VPT-Deep; IVLP in both towers).

    Args:
        length: Number of prompt tokens.
        depth: Number of layers that get prompts of their own, counted from the input; 0 for none.
        init_words: Words whose token embeddings the prompt of the input layer starts from (text tower
            only). Words beyond ``length`` stay in the text as they are. None: N(0, 0.02²), as in the
            released code.
        width: Width of the tower's tokens. Given by the head.
        layers: Number of layers of the tower. Given by the head.
        word_embeddings: Token embeddings (tokens, width) of ``init_words``. Given by the head.

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
        word_embeddings: Tensor | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= depth <= layers or length < 1:
            raise ValueError(
                f'prompt of depth {depth} and length {length} does not fit a tower of {layers} layers: '
                f'depth must be 0 to {layers}, length at least 1'
            )
        if init_words and word_embeddings is None:
            raise ValueError(f'init_words={init_words!r} are for the text prompt only: leave them out')
        soft_prompt = torch.randn(depth, length, width) * 0.02
        if word_embeddings is not None and depth > 0:
            if len(word_embeddings) < length:
                raise ValueError(
                    f'init_words={init_words!r} are {len(word_embeddings)} tokens, too few for a prompt of '
                    f'length {length}: give more words, or none for a random start'
                )
            soft_prompt[0] = word_embeddings[:length]
        self.length = length if depth > 0 else 0
        self.depth = depth
        self.init_words = init_words
        self.soft_prompt = nn.Parameter(soft_prompt)

    def forward(self) -> list[Tensor]:
        """Prompts of the first layers, ``depth`` tensors of shape (length, width)."""
        return list(self.soft_prompt)
