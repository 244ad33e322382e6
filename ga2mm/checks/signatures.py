"""Arguments of classes and functions that a config may set."""

import ast
import inspect
import textwrap
import typing
from collections.abc import Callable, Mapping
from functools import cache

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner


@cache
def arguments_of(cls: Callable) -> tuple[Mapping[str, inspect.Parameter], bool]:
    """Give the named arguments of a class or function, and whether it takes no others."""
    if not inspect.isclass(cls):
        try:
            parameters = inspect.signature(cls).parameters
        except (TypeError, ValueError):
            return {}, False
        closed = all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters.values())
        return {name: one for name, one in parameters.items() if _by_name(one)}, closed
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        own = vars(base).get('__init__')
        if own is None:
            continue
        if not inspect.isfunction(own):
            return found, base is object  # a class implemented in C
        parameters = parameters_of(own)
        for name, one in parameters.items():
            if _by_name(one):
                found.setdefault(name, one)
        taken = [one.name for one in parameters.values() if one.kind is inspect.Parameter.VAR_KEYWORD]
        if not taken:
            return found, True
        if base is CheckpointHook:
            return parameters_of(Runner.save_checkpoint) | found, True  # it passes them on when it saves
        if not _hands_on(own, taken[0]):
            return found, False
    return found, False


def _by_name(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@cache
def parameters_of(function: Callable) -> dict[str, inspect.Parameter]:
    """Give a method's parameters without ``self``, with annotations resolved if possible."""
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop('self', None)
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # the name is imported only for type checkers
        hints = {}
    empty = inspect.Parameter.empty
    return {name: one.replace(annotation=hints.get(name, empty)) for name, one in parameters.items()}


@cache
def _hands_on(function: Callable, keywords: str) -> bool:
    """Tell whether a constructor only passes its ``**kwargs`` to its parent's constructor."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return False
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == keywords]
    handed = [
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == '__init__'
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == 'super'
        for keyword in node.keywords
        if keyword.arg is None
    ]
    return len(used) == 1 and used == handed
