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
    """A frozen hard prompt H coupled to the prompt S that a learner gives the text tower's input layer.

    The input layer gets ``Dropout(ReLU(W [H; S] + b))``, where ``[;]`` concatenates along the feature axis
    and W maps 2 · width to width; the prompts of deeper layers stay as they are. Source: the code released
    with GA2-CLIP (arXiv 2511.22125), where S is the soft prompt that is learnt; like it, the mapping has no
    residual and couples the input layer only. Design choice: S may come from any text prompt learner, also
    one whose prompts depend on the clip or the class, each of which is coupled to the same H.

    Args:
        hard_prompt: A file written by ``tools/convert/hard_prompt.py``, of as many tokens as S. The hard
            prompt becomes part of the checkpoint, so the file is needed for training only.
        dropout: Dropout of the coupled prompt.
        allow_other_clip: Accept a hard prompt that was learnt on another CLIP of the same width, as the
            released recipe does where the backbone was tuned on Kinetics-400 in between.
        length: Tokens of S. Given by the model.
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
        """The prompts of the layers, the first one coupled.

        Args:
            prompts: What the text prompt learner gave; the first entry is (..., length, width).

        Raises:
            FileNotFoundError: The hard prompt's file does not exist and no checkpoint brought it.
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
