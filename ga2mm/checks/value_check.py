"""Checks of plain config values against annotations, and of dict keys against known keys."""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ga2mm.utils import nearest

IN_WORDS = {
    bool: 'True or False', int: 'a whole number', float: 'a number', str: 'a string', list: 'a list',
    tuple: 'a tuple', Sequence: 'a list', Iterable: 'a list', dict: 'a dict', Mapping: 'a dict',
    PathLike: 'a path', Path: 'a path', types.NoneType: 'None', None: 'None', Callable: 'a function',
}  # fmt: skip


def check_value(place: str, value: Any, parameter: inspect.Parameter, built: bool = False) -> None:
    """Check a plain value against the annotation of a parameter.

    Args:
        place: Key of the value.
        value: The value.
        parameter: The parameter that receives the value.
        built: Whether an annotated class requires a dict.
    """
    if value is None and parameter.default is None:
        return
    if not _fits(value, parameter.annotation, built):
        raise ValueError(f'{place}={shortened(value)}: give {" or ".join(_in_words(parameter.annotation))}')


def _in_words(hint: Any) -> list[str]:
    """Describe the types of an annotation in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return list(dict.fromkeys(word for one in arguments for word in _in_words(one)))
    if origin is typing.Literal:
        return [repr(one) for one in arguments]
    kind = origin or hint
    return [IN_WORDS.get(kind, 'a dict' if inspect.isclass(kind) else str(kind))]


def shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:80]}...'


def _fits(value: Any, hint: Any, built: bool) -> bool:
    """Tell whether a value fits an annotation; True if it cannot be determined."""
    plain = (bool, int, float, str, list, tuple, dict)
    if value is not None and not isinstance(value, plain):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one, built) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    kind = origin or hint
    if kind in (None, types.NoneType):
        return value is None
    if kind is bool:
        return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))
    if kind is int:
        return isinstance(value, int)
    if kind is float:
        return isinstance(value, int | float)
    if kind is str:
        return isinstance(value, str)
    if kind in (list, tuple):
        return isinstance(value, list | tuple) and _all_fit(value, arguments, built)
    if kind in (Sequence, Iterable):
        return isinstance(value, list | tuple | str) and (
            isinstance(value, str) or _all_fit(value, arguments, built)
        )
    if kind in (Path, PathLike):
        return isinstance(value, str)
    if kind in (dict, Mapping):
        return isinstance(value, dict)
    return isinstance(value, dict) if built and inspect.isclass(kind) and kind is not object else True


def _all_fit(values: Sequence, hints: tuple, built: bool) -> bool:
    hints = [hint for hint in hints if hint is not Ellipsis]
    return len(hints) != 1 or all(_fits(value, hints[0], built) for value in values)


def check_keys(place: str, config: Any, known: Collection[str]) -> None:
    if not isinstance(config, dict):
        raise ValueError(f'{place}={shortened(config)}: give a dict of {", ".join(sorted(known))}')
    for key in config:
        if key not in known and key not in ('_scope_', '_delete_'):
            like = nearest(key, known)
            meant = f'did you mean {like!r}?' if like else f'the known keys are {", ".join(sorted(known))}'
            raise ValueError(f'{place}: unknown key {key!r}; {meant}')
