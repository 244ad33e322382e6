"""A reader of CLIP weights from local files of several formats."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ga2mm.models.clip.torchscript import is_torchscript, read_torchscript
from ga2mm.tensor_files import check_regular_file, check_tensors, read_pickled, read_safetensors

OPENAI_SCALARS = ('input_resolution', 'context_length', 'vocab_size')
"""Entries of OpenAI's state dicts that are not parameters; no other state dict has them."""

UNKNOWN_TOKEN_STD = 0.02

MAX_VOCABULARY = 1_000_000
"""Maximum number of tokens of an embedding table that is stored in part."""


@dataclass
class Weights:
    """Weights of one CLIP.

    Attributes:
        state_dict: Tensors under OpenCLIP's names.
        quick_gelu: Whether the weights were trained with QuickGELU; None if the file does not state it.
        known_tokens: Ids of the tokens with trained embeddings; None for all tokens.
    """

    state_dict: dict[str, Tensor]
    quick_gelu: bool | None = None
    known_tokens: Tensor | None = None


def read_weights(path: str | Path) -> Weights:
    """Read CLIP weights from OpenAI's TorchScript archive, a ``.pt``/``.pth``/``.bin`` or safetensors file.

    Code in a file is never executed: pickles are read with ``weights_only=True``, TorchScript code as text.

    Raises:
        OSError: The file does not exist or cannot be read.
        ValueError: The file contains no state dict, is damaged, or has NaN or infinite values.
    """
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        raise FileNotFoundError(f'CLIP weights {path} do not exist (config key backbone.weights)')
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    check_regular_file(path)
    if is_torchscript(path):
        state_dict = read_torchscript(path)
        check_tensors(state_dict, path)
        return Weights(_without_openai_scalars(state_dict), quick_gelu=True)
    remedy = "give a state dict saved with torch.save, a safetensors file or OpenAI's TorchScript archive"
    state_dict = read_pickled(path, 'file of tensors', remedy)
    for key in ('state_dict', 'model'):
        if isinstance(state_dict, dict) and isinstance(state_dict.get(key), dict):
            state_dict = state_dict[key]
    if not isinstance(state_dict, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state_dict.items()
    ):
        raise ValueError(f'{path} holds no state dict: expected names mapped to tensors')
    check_tensors(state_dict, path)
    if all(key.startswith('module.') for key in state_dict):
        state_dict = {key[len('module.') :]: value for key, value in state_dict.items()}
    is_openai = any(key in state_dict for key in OPENAI_SCALARS)
    return Weights(_without_openai_scalars(state_dict), quick_gelu=True if is_openai else None)


def _without_openai_scalars(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state_dict.items() if key not in OPENAI_SCALARS}


def _read_safetensors(path: Path) -> Weights:
    state_dict, metadata = read_safetensors(path, 'safetensors file', 'fetch it again')
    stated = {'true': True, 'false': False}.get(metadata.get('quick_gelu', '').lower())
    known_tokens, rows = (state_dict.pop(f'token_embedding.{key}', None) for key in ('ids', 'rows'))
    if known_tokens is not None or rows is not None:
        table = _full_token_table(known_tokens, rows, metadata.get('vocab_size', '49408'), path)
        state_dict['token_embedding.weight'] = table
    return Weights(state_dict, quick_gelu=stated, known_tokens=known_tokens)


def _full_token_table(ids: Tensor | None, rows: Tensor | None, vocab_size: str, path: Path) -> Tensor:
    """Give the full token embedding table for the stored rows; the other rows are small seeded noise.

    Raises:
        ValueError: Ids, rows and the number of tokens do not fit together.
    """
    size = int(vocab_size) if vocab_size.isdecimal() else 0
    fits = (
        ids is not None and rows is not None and (ids.dim(), rows.dim()) == (1, 2) and len(ids) == len(rows)
    )
    fits = fits and not ids.is_floating_point() and size <= MAX_VOCABULARY
    if not fits or (len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < size):
        raise ValueError(
            f'{path}: token_embedding.ids, token_embedding.rows and vocab_size={vocab_size} do not match: '
            'write the file again'
        )
    noise = torch.Generator().manual_seed(0)
    table = torch.randn(size, rows.shape[1], generator=noise) * UNKNOWN_TOKEN_STD
    table[ids.long()] = rows.float()
    return table
