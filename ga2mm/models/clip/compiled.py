"""The towers, compiled by ``torch.compile`` if a config asks for it."""

from collections.abc import Callable
from typing import Any

import torch

from ga2mm.models.clip.text_tower import encode_text
from ga2mm.models.clip.vision_tower import encode_frames


def compiled_towers(options: bool | dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Give :func:`encode_text` and :func:`encode_frames`, compiled.

    Only the towers are compiled: they hold almost all the work and have no graph breaks, while the code
    around them depends on class names and data samples.

    Args:
        options: Keyword arguments of ``torch.compile``; True for its defaults, False for no compilation.

    Raises:
        ValueError: ``options`` is neither a bool nor a dict.
    """
    if not isinstance(options, bool | dict):
        raise ValueError(f'backbone.compile={options!r}: give True, False or arguments of torch.compile')
    if options is False:
        return encode_text, encode_frames
    arguments = {} if options is True else options
    return torch.compile(encode_text, **arguments), torch.compile(encode_frames, **arguments)
