"""A safe reader of the weights in a TorchScript archive, such as OpenAI's.

``torch.jit.load`` executes code of the archive. This reader interprets the pickle opcode by opcode and calls
nothing that the pickle names. An object of a class becomes a :class:`Module` of plain values, and the reader
creates the tensors from values in the archive. It reads the archive's code as text, to learn which attributes
are weights.
"""

import pickletools
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ga2mm.tensor_files import check_archive, check_regular_file, is_of_file

DTYPES = {
    'DoubleStorage': torch.float64,
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'ShortStorage': torch.int16,
    'CharStorage': torch.int8,
    'ByteStorage': torch.uint8,
}
"""Data type of a storage, by its name."""

MAX_MODULES, MAX_DEPTH = 100_000, 100
"""Limits of a module tree; an archive that exceeds them is treated as cyclic."""

_WEIGHTS = re.compile(r'^  __(?:parameters|buffers)__ = \[(.*)\]$', re.MULTILINE)


@dataclass(frozen=True)
class Name:
    """The name of a class or function, which is never imported."""

    module: str
    name: str


@dataclass
class Module:
    """An object of the archive: the name of its class and its attributes."""

    kind: Name
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Storage:
    """The location of a tensor's values in the archive."""

    dtype: torch.dtype
    key: str


def is_torchscript(path: str | Path) -> bool:
    """Check whether a file is a zip archive of TorchScript."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith('constants.pkl') for name in archive.namelist())
    except Exception as error:  # zipfile raises many types for a damaged archive; the readers explain it
        if is_of_file(error):
            raise
        return False


def read_torchscript(path: str | Path) -> dict[str, Tensor]:
    """Read the parameters and buffers of an archive's module, named as in PyTorch's ``state_dict()``.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not such an archive, is damaged, or contains more than modules and tensors.
    """
    check_regular_file(path)
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _Archive(archive).state_dict()
    except Exception as error:  # a crafted pickle can cause many types of errors
        raise ValueError(f'{path} is not a readable TorchScript archive ({error}): fetch it again') from error


class _Archive:
    """An open archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = set(archive.namelist())
        (pickled,) = (name for name in self.names if re.fullmatch(r'[^/]+/data\.pkl', name))
        self.folder = pickled.partition('/')[0]
        if f'{self.folder}/byteorder' in self.names and self._read('byteorder') != b'little':
            raise ValueError('its numbers are big-endian')
        self.values: dict[Storage, Tensor] = {}
        self.weights: dict[Name, set[str]] = {}

    def state_dict(self) -> dict[str, Tensor]:
        """Give the weights by name."""
        root = unpickle(self._read('data.pkl'), self._tensor)
        if not isinstance(root, Module):
            raise ValueError('it holds no module')
        found: dict[str, Tensor] = {}
        waiting = [('', root)]
        for prefix, module in waiting:
            if module.kind not in self.weights:
                self.weights[module.kind] = self._weights_of(module.kind)
            weights = self.weights[module.kind]
            for name, value in module.attributes.items():
                if isinstance(value, Module):
                    waiting.append((f'{prefix}{name}.', value))
                elif isinstance(value, Tensor) and name in weights:
                    found[prefix + name] = value
            if len(waiting) > MAX_MODULES or prefix.count('.') > MAX_DEPTH:
                raise ValueError('its modules contain one another')
        return found

    def _read(self, name: str) -> bytes:
        return self.archive.read(f'{self.folder}/{name}')

    def _weights_of(self, kind: Name) -> set[str]:
        """Read the names of a class's parameters and buffers from its code."""
        code = self._read(f'code/{kind.module.replace(".", "/")}.py').decode()
        of_class = re.search(
            rf'^class {re.escape(kind.name)}\(Module\):\n((?:(?!class ).*\n)*)', code, re.MULTILINE
        )
        if of_class is None:
            raise ValueError(f'its code lacks {kind.module}.{kind.name}')
        return set(re.findall(r'"([^"]*)"', ' '.join(_WEIGHTS.findall(of_class[1]))))

    def _tensor(
        self, storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
    ) -> Tensor:
        """Create a tensor from values in the archive, and check that the archive contains all of them."""
        if not all(isinstance(number, int) and number >= 0 for number in (offset, *size, *stride)):
            raise ValueError('a tensor has a negative size')
        if storage not in self.values:
            content = self._read(f'data/{storage.key}')
            empty = torch.empty(0, dtype=storage.dtype)
            self.values[storage] = (
                torch.frombuffer(bytearray(content), dtype=storage.dtype) if content else empty
            )
        values = self.values[storage]
        count = 1
        for number in size:
            count *= number
        last = offset + sum((number - 1) * step for number, step in zip(size, stride, strict=True))
        if count and (count > len(values) or last >= len(values)):
            raise ValueError(f'a tensor of {count} values is not stored in full')
        return values.as_strided(size, stride, offset) if count else values.new_empty(size)


def unpickle(content: bytes, tensor: Callable[..., Tensor]) -> Any:
    """Unpickle an object of TorchScript, made of plain values, :class:`Module` and tensors.

    Args:
        content: The pickle.
        tensor: Creates a tensor from a storage, an offset, sizes and strides.

    Raises:
        ValueError: The pickle has an opcode or a call that TorchScript does not write.
    """
    machine = _Machine(tensor)
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name == 'STOP':
            return machine.stack.pop()
        machine.do(opcode.name, argument)
    raise ValueError('its pickle has no end')


class _Machine:
    """A stack machine that interprets the opcodes of a pickle."""

    def __init__(self, tensor: Callable[..., Tensor]) -> None:
        self.tensor = tensor
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def do(self, name: str, argument: Any) -> None:
        """Execute one opcode; the caller handles STOP.

        Raises:
            ValueError: TorchScript does not write this opcode.
        """
        if not (
            self._do_value(name, argument) or self._do_container(name) or self._do_object(name, argument)
        ):
            raise ValueError(f'its pickle has the opcode {name}')

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _pop(self, count: int) -> tuple[Any, ...]:
        values = tuple(self.stack[-count:])
        if len(values) < count:
            raise ValueError('its pickle is damaged')
        del self.stack[-count:]
        return values

    def _do_value(self, name: str, argument: Any) -> bool:
        """Execute an opcode for marks, plain values or the memo; give False for any other opcode."""
        match name:
            case 'PROTO' | 'FRAME':
                pass
            case 'MARK':
                self.marks.append(len(self.stack))
            case 'NONE':
                self.stack.append(None)
            case 'NEWTRUE' | 'NEWFALSE':
                self.stack.append(name == 'NEWTRUE')
            case 'BININT' | 'BININT1' | 'BININT2' | 'LONG1' | 'BINFLOAT' | 'BINUNICODE' | 'SHORT_BINUNICODE':
                self.stack.append(argument)
            case 'BINPUT' | 'LONG_BINPUT':
                self.memo[argument] = self.stack[-1]
            case 'BINGET' | 'LONG_BINGET':
                self.stack.append(self.memo[argument])
            case _:
                return False
        return True

    def _do_container(self, name: str) -> bool:
        """Execute an opcode for tuples, lists or dicts; give False for any other opcode."""
        match name:
            case 'EMPTY_DICT':
                self.stack.append({})
            case 'EMPTY_LIST':
                self.stack.append([])
            case 'EMPTY_TUPLE':
                self.stack.append(())
            case 'TUPLE':
                self.stack.append(tuple(self._since_mark()))
            case 'TUPLE1' | 'TUPLE2' | 'TUPLE3':
                self.stack.append(self._pop(int(name[-1])))
            case 'APPEND':
                (value,) = self._pop(1)
                self.stack[-1].append(value)
            case 'APPENDS':
                values = self._since_mark()
                self.stack[-1].extend(values)
            case 'SETITEM':
                key, value = self._pop(2)
                self.stack[-1][key] = value
            case 'SETITEMS':
                values = self._since_mark()
                self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case _:
                return False
        return True

    def _do_object(self, name: str, argument: Any) -> bool:
        """Execute an opcode for names, storages, modules or calls; give False for any other opcode."""
        match name:
            case 'GLOBAL':
                self.stack.append(Name(*argument.split(' ')))
            case 'BINPERSID':
                _, kind, key, *_ = self.stack.pop()
                self.stack.append(Storage(DTYPES[kind.name], key))
            case 'NEWOBJ':
                kind, _ = self._pop(2)
                if not kind.module.startswith('__torch__'):
                    raise ValueError(f'it asks for {kind.module}.{kind.name}')
                self.stack.append(Module(kind))
            case 'BUILD':
                (attributes,) = self._pop(1)
                if not isinstance(self.stack[-1], Module) or not isinstance(attributes, dict):
                    raise ValueError('an object of it has a state of its own')
                self.stack[-1].attributes = attributes
            case 'REDUCE':
                function, arguments = self._pop(2)
                self.stack.append(_called(function, arguments, self.tensor))
            case _:
                return False
        return True


def _called(function: Name, arguments: tuple[Any, ...], tensor: Callable[..., Tensor]) -> Any:
    """Give the result of a call that TorchScript writes, without calling the named function."""
    if function == Name('torch._utils', '_rebuild_tensor_v2'):
        return tensor(*arguments[:4])
    if function == Name('collections', 'OrderedDict') and not arguments:
        return {}
    if function.module == 'torch.jit._pickle':  # lists of one type
        return arguments[0]
    if function == Name('torch', 'device'):
        return str(arguments[0])
    raise ValueError(f'it asks for {function.module}.{function.name}')
