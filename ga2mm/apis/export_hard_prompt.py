"""Export the text prompt of a checkpoint as a hard prompt for other runs."""

from pathlib import Path

from torch import Tensor

from ga2mm.apis.config import config_errors, read_config
from ga2mm.checks.config_check import check_config
from ga2mm.engine import read_checkpoint, state_dict_of
from ga2mm.models import OpenCLIP
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS

SOFT_PROMPT = 'cls_head.text_prompt.soft_prompt'
FOREIGN_SOFT_PROMPTS = ('prompt_learner.ctx_VPT', 'prompt_learner.ctx')
"""Names of the text tower's input prompt in GA2-CLIP and in ViFi-CLIP."""

CLIP_IDENTITY = 'backbone._extra_state'
TUNED_CLIP = 'backbone.model.'
"""Prefix of the weights of a tuned CLIP in a checkpoint."""

UNKNOWN_CLIP = 'unknown'


def soft_prompt_of(state_dict: dict[str, Tensor], path: Path) -> Tensor:
    """Give the soft prompt (length, width) of the text tower's input layer.

    If the prompt is coupled to a hard prompt, give the soft part only, as in the released code.

    Raises:
        ValueError: The checkpoint has no text prompt.
    """
    found = [state_dict[key] for key in FOREIGN_SOFT_PROMPTS if key in state_dict]
    layers = state_dict.get(SOFT_PROMPT)
    if layers is not None and layers.dim() == 3:
        found += layers[:1]
    if not found or found[0].dim() != 2 or not found[0].is_floating_point():
        raise ValueError(
            f'{path} has no soft prompt in its text tower: give a checkpoint with {SOFT_PROMPT}, '
            f'{" or ".join(FOREIGN_SOFT_PROMPTS)}'
        )
    return found[0]


def export_hard_prompt(checkpoint: Path, out: Path, config: Path | None = None) -> tuple[int, int]:
    """Write the soft prompt of the text tower's input layer as a hard prompt.

    Args:
        checkpoint: A checkpoint of ga2mm, GA2-CLIP or ViFi-CLIP.
        out: The safetensors file to write.
        config: A config whose ``model.backbone`` is the CLIP that the prompt was learnt on.

    Returns:
        Length and width of the prompt.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The file is not a checkpoint, has no text prompt, or belongs to a CLIP other than the
            config's.
    """
    state_dict = state_dict_of(read_checkpoint(checkpoint), checkpoint)
    prompt = soft_prompt_of(state_dict, checkpoint)
    identity = UNKNOWN_CLIP
    if config is not None:
        cfg = read_config(config)
        check_config(cfg)
        with config_errors(cfg):
            clip: OpenCLIP = MODELS.build(cfg.model.backbone)
        identity = clip.identity
    if CLIP_IDENTITY in state_dict:
        try:
            stored = bytes(state_dict[CLIP_IDENTITY].tolist()).decode()
        except (TypeError, ValueError) as error:
            raise ValueError(f'{checkpoint} has a damaged {CLIP_IDENTITY}: {error}') from error
        if config is not None:
            clip.check_identity(stored, str(checkpoint))
        identity = stored
    if any(key.startswith(TUNED_CLIP) for key in state_dict):
        identity = UNKNOWN_CLIP  # the prompt belongs to the tuned CLIP, not to the original one
    write_hard_prompt(out, prompt, identity, source=checkpoint.name)
    return tuple(prompt.shape)
