"""Files that carry a hard prompt from one run to another."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ga2mm.models.clip.identity import same_clip
from ga2mm.utils import replace_when_written


def write_hard_prompt(path: str | Path, prompt: Tensor, clip_identity: str, source: str) -> None:
    """Write a hard prompt.

    Args:
        path: The safetensors file to write.
        prompt: The prompt of shape (length, width).
        clip_identity: Identity of the CLIP that it was learnt on.
        source: What it was learnt from, for people to read.
    """
    metadata = {'clip_identity': clip_identity, 'source': source}
    with replace_when_written(path) as temporary:
        save_file({'hard_prompt': prompt.detach().float().cpu().contiguous()}, temporary, metadata)


def read_hard_prompt(path: str | Path, shape: tuple[int, int], clip_identity: str | None = None) -> Tensor:
    """Read a hard prompt.

    Args:
        path: A file that :func:`write_hard_prompt` wrote.
        shape: The expected length and width.
        clip_identity: Identity of the CLIP that it must belong to; None to accept any.

    Returns:
        The prompt of shape (length, width).

    Raises:
        ValueError: It is no such file, has another shape or belongs to another CLIP.
    """
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            prompt = file.get_tensor('hard_prompt')
    except SafetensorError as error:
        raise ValueError(
            f'{path} is no hard prompt ({error}): write one with tools/convert/hard_prompt.py'
        ) from error
    if tuple(prompt.shape) != tuple(shape):
        raise ValueError(
            f'hard prompt {path} has length and width {tuple(prompt.shape)}, but text_prompt needs '
            f'{tuple(shape)}: learn one of this length on a CLIP of this width, or give text_prompt as many '
            'tokens'
        )
    if clip_identity is not None and not same_clip(metadata.get('clip_identity', ''), clip_identity):
        raise ValueError(
            f'hard prompt {path} was learnt on CLIP {metadata.get("clip_identity")!r}, the config builds '
            f'{clip_identity!r}: learn it again on this one, or set coupling.allow_other_clip=True'
        )
    return prompt
