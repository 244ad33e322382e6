"""Files with the hard prompt of another run."""

from pathlib import Path

from torch import Tensor

from ga2mm.models.clip.identity import same_clip
from ga2mm.tensor_files import CHECKSUM, check_tensors, read_safetensors, write_safetensors
from ga2mm.utils import replace_when_written


def write_hard_prompt(path: str | Path, prompt: Tensor, clip_identity: str, source: str) -> None:
    """Write a hard prompt.

    Args:
        path: The safetensors file to write.
        prompt: The prompt of shape (length, width).
        clip_identity: Identity of the CLIP that the prompt was learnt on.
        source: Description of the prompt's origin, for information only.

    Raises:
        ValueError: The prompt has NaN or infinite values.
    """
    tensors = {'hard_prompt': prompt.detach().float()}
    check_tensors(tensors, source)
    with replace_when_written(path) as temporary:
        write_safetensors(temporary, tensors, {'clip_identity': clip_identity, 'source': source})


def read_hard_prompt(path: str | Path, shape: tuple[int, int], clip_identity: str | None = None) -> Tensor:
    """Read a hard prompt.

    Args:
        path: A file that :func:`write_hard_prompt` wrote.
        shape: The expected length and width.
        clip_identity: Identity that the prompt's CLIP must have; None to accept any CLIP.

    Returns:
        The prompt of shape (length, width).

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not a hard prompt, is damaged, has NaN values or another shape, or belongs to
            another CLIP.
    """
    remedy = 'write one with tools/convert/hard_prompt.py'
    tensors, metadata = read_safetensors(path, 'hard prompt', remedy)
    unknown = metadata.keys() - {'clip_identity', 'source', 'format', CHECKSUM}
    if unknown:  # for example a bit flip in the name of the checksum
        raise ValueError(f'{path} is damaged, its metadata have the unknown key {min(unknown)!r}: {remedy}')
    prompt = tensors.get('hard_prompt')
    if prompt is None or not prompt.is_floating_point():
        raise ValueError(f'{path} is not a hard prompt (it has no float tensor hard_prompt): {remedy}')
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
