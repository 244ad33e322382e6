"""The coupling of GA2-CLIP."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt
from ga2mm.registry import MODELS


@MODELS.register_module()
class HardPromptCoupling(BaseModule):
    """A layer that couples a frozen hard prompt H to the prompt S of the text tower's input layer.

    The input layer gets ``Dropout(ReLU(W [H; S] + b))``, where ``[;]`` concatenates along the feature axis
    and W maps 2 · width to width. The prompts of deeper layers do not change. Source: the code released with
    GA2-CLIP (arXiv 2511.22125), where S is the learnt soft prompt; there, too, the mapping has no residual
    and couples the input layer only. Design choice: S may come from any text prompt learner. Prompts that
    depend on the clip or the class are all coupled to the same H.

    Args:
        hard_prompt: A file written by ``tools/convert/hard_prompt.py``, with as many tokens as S. The hard
            prompt is part of the checkpoint, so only training needs the file.
        dropout: Dropout of the coupled prompt.
        allow_other_clip: Accept a hard prompt that was learnt on another CLIP of the same width. The released
            recipe does so if the backbone was tuned on Kinetics-400 in between.
        length: Number of tokens of S. Given by the model.
        width: Width of the text tower's tokens. Given by the model.
        clip_identity: Identity of the CLIP that is prompted. Given by the model.

    Raises:
        ValueError: The hard prompt has another length or width, or belongs to another CLIP.
    """

    def __init__(
        self,
        hard_prompt: str | Path,
        dropout: float = 0.5,
        allow_other_clip: bool = False,
        *,
        length: int,
        width: int,
        clip_identity: str,
    ) -> None:
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Dropout(dropout))
        self.register_buffer('hard_prompt', torch.zeros(length, width))
        self.missing_file = None
        if Path(hard_prompt).is_file():
            self.hard_prompt.copy_(
                read_hard_prompt(hard_prompt, (length, width), None if allow_other_clip else clip_identity)
            )
        else:
            self.missing_file = str(hard_prompt)

    def forward(self, prompts: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Couple the hard prompt to the prompt of the first layer, and give the prompts of all layers.

        Args:
            prompts: Output of the text prompt learner; the first entry is (..., length, width).

        Raises:
            FileNotFoundError: The hard prompt's file does not exist, and no checkpoint was loaded.
        """
        if self.missing_file is not None:
            raise FileNotFoundError(
                f'hard prompt {self.missing_file} does not exist (config key cls_head.coupling.hard_prompt): '
                'write it with tools/convert/hard_prompt.py from a finished run on another dataset'
            )
        first, *deeper = prompts
        both = torch.cat([self.hard_prompt.expand_as(first), first], dim=-1)
        return [self.mapping(both), *deeper]

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        if f'{prefix}hard_prompt' in state_dict:
            self.missing_file = None
