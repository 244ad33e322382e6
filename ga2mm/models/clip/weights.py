"""Reading CLIP weights from a local file, whatever its layout."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

OPENAI_SCALARS = ('input_resolution', 'context_length', 'vocab_size')
"""Entries that only OpenAI's own state dicts have; they are no parameters."""

UNKNOWN_TOKEN_STD = 0.02


@dataclass
class Weights:
    """Weights of one CLIP.

    Attributes:
        state_dict: Tensors under OpenCLIP's names.
        quick_gelu: Whether they were trained with QuickGELU; None where the file does not say.
        known_tokens: Ids of the tokens that have trained embeddings; None if all have.
    """

    state_dict: dict[str, Tensor]
    quick_gelu: bool | None = None
    known_tokens: Tensor | None = None


def read_weights(path: str | Path) -> Weights:
    """Read CLIP weights from OpenAI's TorchScript archive, a ``.pt``/``.pth``/``.bin`` or safetensors.

    Python code in a file is never run: pickles are read with ``weights_only=True``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'CLIP weights {path} do not exist (config key backbone.pretrained)')
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    if _is_torchscript(path):
        try:
            state_dict = torch.jit.load(str(path), map_location='cpu').state_dict()
        except RuntimeError as error:
            raise ValueError(f'{path} is no readable TorchScript archive: fetch it again') from error
        return Weights(_without_openai_scalars(state_dict), quick_gelu=True)
    try:
        state_dict = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        raise ValueError(
            f'{path} is no file of tensors ({type(error).__name__}): give a state dict saved with '
            "torch.save, a safetensors file or OpenAI's TorchScript archive"
        ) from error
    for key in ('state_dict', 'model'):
        if isinstance(state_dict, dict) and isinstance(state_dict.get(key), dict):
            state_dict = state_dict[key]
    if not isinstance(state_dict, dict) or not all(
        isinstance(value, Tensor) for value in state_dict.values()
    ):
        raise ValueError(f'{path} holds no state dict: expected names mapped to tensors')
    if all(key.startswith('module.') for key in state_dict):
        state_dict = {key[len('module.') :]: value for key, value in state_dict.items()}
    is_openai = any(key in state_dict for key in OPENAI_SCALARS)
    return Weights(_without_openai_scalars(state_dict), quick_gelu=True if is_openai else None)


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('constants.pkl') for name in archive.namelist())


def _without_openai_scalars(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state_dict.items() if key not in OPENAI_SCALARS}


def _read_safetensors(path: Path) -> Weights:
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            state_dict = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f'{path} is no safetensors file: {error}') from error
    stated = {'true': True, 'false': False}.get(metadata.get('quick_gelu', '').lower())
    known_tokens = state_dict.pop('token_embedding.ids', None)
    if known_tokens is not None:
        rows = state_dict.pop('token_embedding.rows').float()
        state_dict['token_embedding.weight'] = _full_token_table(
            known_tokens.long(), rows, int(metadata.get('vocab_size', 49408))
        )
    return Weights(state_dict, quick_gelu=stated, known_tokens=known_tokens)


def _full_token_table(ids: Tensor, rows: Tensor, vocab_size: int) -> Tensor:
    """A token table of which only some rows were stored; the others are small seeded noise."""
    noise = torch.Generator().manual_seed(0)
    table = torch.randn(vocab_size, rows.shape[1], generator=noise) * UNKNOWN_TOKEN_STD
    table[ids] = rows
    return table
