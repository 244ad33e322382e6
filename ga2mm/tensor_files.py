"""Safe reading of tensor files: no code of a file runs, and damage raises an error."""

import hashlib
import os
import stat
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

CHECKSUM = 'ga2mm_sha256'
"""Metadata key of :func:`tensor_checksum` in our safetensors files."""

MAX_COMPRESSED = 64 * 2**20
"""Bytes an archive may grow when unpacked: TorchScript compresses its code, tensors are not compressed."""


def check_regular_file(path: str | Path) -> None:
    """Raise an OSError if a path cannot be read as a regular file."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = 'a folder' if stat.S_ISDIR(mode) else 'not a regular file'
        raise OSError(f'{path} is {kind}: give a file')
    with open(path, 'rb'):
        pass


def is_of_file(error: Exception) -> bool:
    """Tell whether an error comes from the file system and names the file, not from the file's content."""
    return isinstance(error, OSError) and error.filename is not None


def check_archive(path: str | Path) -> list[str]:
    """Check a zip archive and give the names of its entries.

    Raises:
        ValueError: The file is not a zip archive, a checksum differs, two entries share a name, or the
            unpacked size is much larger than the file.
    """
    again = 'copy or fetch it again'
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            bomb = size > os.path.getsize(path) + MAX_COMPRESSED
            damaged = None if bomb else archive.testzip()
    except Exception as error:  # zipfile raises errors of many types for damaged archives
        if is_of_file(error):
            raise
        raise ValueError(f'{path} is a damaged archive ({error}): {again}') from error
    if bomb:
        raise ValueError(f'{path} would unpack to {size} bytes, too many for a file of tensors')
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError(f'{path} has two entries of the same name: {again}')
    if damaged is not None:
        raise ValueError(f'{path} is damaged, the checksum of {damaged} differs: {again}')
    return names


def read_pickled(path: str | Path, what: str, remedy: str, allowed: Sequence[Any] = ()) -> Any:
    """Read a file of ``torch.save`` with its tensors on the CPU.

    Python code in the file never runs (``weights_only=True``). The archive's checksums detect damage; files
    of PyTorch before 1.6 have none, which causes a warning.

    Args:
        path: The file.
        what: Expected content, for error messages: ``'checkpoint'``.
        remedy: Advice for error messages.
        allowed: Further types to unpickle, as for ``torch.serialization.safe_globals``.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file has another format or is damaged.
    """
    check_regular_file(path)
    with open(path, 'rb') as file:
        is_archive = file.read(4) == b'PK\x03\x04'
    try:
        if is_archive and 'constants.pkl' in {name.rpartition('/')[2] for name in check_archive(path)}:
            raise ValueError(f'{path} is a TorchScript archive')
    except ValueError as error:
        raise ValueError(
            f'{path} is not a {what}: {str(error).removeprefix(f"{path} ").removeprefix("is ")}'
        ) from error
    try:
        with torch.serialization.safe_globals(list(allowed)):
            content = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # torch raises errors of many types for damaged or malicious files
        if is_of_file(error):
            raise
        raise ValueError(f'{path} is not a {what} ({type(error).__name__}): {remedy}') from error
    if not is_archive:
        warnings.warn(
            f'{path} was saved in the format of PyTorch before 1.6, which has no checksums: damage to it '
            'cannot be seen',
            stacklevel=2,
        )
    return content


def check_tensors(content: Any, path: str | Path) -> None:
    """Check that all tensors in dicts, lists and tuples are plain, stored in full and finite.

    Raises:
        ValueError: A tensor fails the check; the message names it.
    """
    for name, tensor in _named_tensors(content):
        problem = _problem(tensor)
        if problem:
            raise ValueError(f'{path}: {name or "its tensor"} {problem}')


def _problem(tensor: Tensor) -> str:
    if tensor.is_meta:
        return 'has no values (a tensor on the device meta): save it from a model with values'
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        kind = 'quantized' if tensor.is_quantized else 'sparse or nested'
        return f'is {kind}: save it as a plain tensor'
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f'claims {tensor.numel()} values, more than are stored: save a contiguous copy of it'
    if tensor.is_floating_point() or tensor.is_complex():
        values = tensor.float() if tensor.element_size() == 1 else tensor
        wrong = int((~torch.isfinite(values)).sum())
        if wrong:
            return f'has {wrong} of {tensor.numel()} values that are NaN or infinite'
    return ''


def _named_tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Give tensors with their names (keys joined by dots); each container is visited once."""
    waiting, seen = [('', content)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value
            continue
        if isinstance(value, Mapping):
            items = list(value.items())
        elif isinstance(value, list | tuple):
            items = list(enumerate(value))
        else:
            continue
        if id(value) not in seen:
            seen.add(id(value))
            waiting += [(f'{name}.{key}' if name else str(key), entry) for key, entry in reversed(items)]


def tensor_checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Compute the SHA-256 of tensors and metadata, without the checksum itself, in hex digits."""
    digest = hashlib.sha256()
    for key, value in sorted(metadata.items()):
        if key != CHECKSUM:
            digest.update(f'{key}={value}\n'.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def write_safetensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file with a checksum in its metadata."""
    # Copied because safetensors rejects tensors that share memory.
    tensors = {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in tensors.items()
    }
    save_file(tensors, path, {**metadata, CHECKSUM: tensor_checksum(tensors, metadata)})


def read_safetensors(path: str | Path, what: str, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata of a safetensors file, and verify our checksum if the file has one.

    Args:
        path: The file.
        what: Expected content, for error messages.
        remedy: Advice for error messages.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file has another format or is damaged, or a tensor has NaN or infinite values.
    """
    check_regular_file(path)
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f'{path} is not a {what} ({error}): {remedy}') from error
    checksum = metadata.get(CHECKSUM)
    if checksum is not None and checksum != tensor_checksum(tensors, metadata):
        raise ValueError(f'{path} is damaged, its checksum differs: copy or write it again')
    check_tensors(tensors, path)
    return tensors, metadata
