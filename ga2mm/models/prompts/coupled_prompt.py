"""The coupled prompt of GA2-CLIP."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ga2mm.models.prompts.deep_prompt import DeepPrompt
from ga2mm.models.prompts.hard_prompt import read_hard_prompt
from ga2mm.registry import MODELS


@MODELS.register_module()
class CoupledPrompt(DeepPrompt):
    """A frozen hard prompt H coupled to the learnable soft prompt S of the input layer (GA2-CLIP).

    The input layer gets ``Dropout(ReLU(W [H; S] + b))``, where ``[;]`` concatenates along the feature axis
    and W maps 2 · width to width. Deeper layers get plain soft prompts. Source: the code released with
    arXiv 2511.22125; like it, the mapping has no residual and couples the input layer only.

    Args:
        hard_prompt: A file written by ``tools/convert/hard_prompt.py``. The hard prompt becomes part of the
            checkpoint, so the file is needed for training only.
        dropout: Dropout of the coupled prompt.
        allow_other_clip: Accept a hard prompt that was learnt on another CLIP of the same width, as the
            released recipe does where the backbone was tuned on Kinetics-400 in between.
        length, depth, init_words, width, layers, word_embeddings: As in :class:`DeepPrompt`; ``depth`` must
            be at least 1.
        clip_identity: Identity of the CLIP that is prompted. Given by the head.

    Raises:
        ValueError: The hard prompt has another length or width, or belongs to another CLIP.
    """

    given_by_head = ('clip_identity',)

    def __init__(
        self,
        hard_prompt: str | Path,
        length: int,
        depth: int,
        init_words: str | None = None,
        dropout: float = 0.5,
        allow_other_clip: bool = False,
        *,
        width: int,
        layers: int,
        word_embeddings: Tensor | None = None,
        clip_identity: str | None = None,
    ) -> None:
        super().__init__(
            length, depth, init_words, width=width, layers=layers, word_embeddings=word_embeddings
        )
        if depth == 0:
            raise ValueError('CoupledPrompt couples the input layer: set depth to 1 or more')
        self.mapping = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Dropout(dropout))
        self.register_buffer('hard_prompt', torch.zeros(length, width))
        self.missing_file = None
        if Path(hard_prompt).is_file():
            self.hard_prompt.copy_(
                read_hard_prompt(hard_prompt, (length, width), None if allow_other_clip else clip_identity)
            )
        else:
            self.missing_file = str(hard_prompt)

    def forward(self) -> list[Tensor]:
        """Prompts of the first layers, ``depth`` tensors of shape (length, width).

        Raises:
            FileNotFoundError: The hard prompt's file does not exist and no checkpoint brought it.
        """
        if self.missing_file is not None:
            raise FileNotFoundError(
                f'hard prompt {self.missing_file} does not exist (config key text_prompt.hard_prompt): '
                'write it with tools/convert/hard_prompt.py from a finished run on another dataset'
            )
        soft_prompt, *deeper = super().forward()
        coupled = self.mapping(torch.cat([self.hard_prompt, soft_prompt], dim=-1))
        return [coupled, *deeper]

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        if f'{prefix}hard_prompt' in state_dict:
            self.missing_file = None
