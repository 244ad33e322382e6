"""The names of runs and of their folders, and the ``{names}`` that the config of a benchmark leaves open."""

import re
from pathlib import Path
from typing import Any


def run_name(method: str, dataset: str, **numbers: int | None) -> str:
    """What people call a run: ``'GA2-CLIP, mild, draw 0, seed 1'``; numbers that are None are left out."""
    named = [f'{name} {value}' for name, value in numbers.items() if value is not None]
    return ', '.join([method, dataset, *named])


def run_folder(method: str, dataset: str, **numbers: int | None) -> Path:
    """The folder of a run under the benchmark's: ``cells/mild/GA2-CLIP/draw0_seed1``."""
    last = '_'.join(f'{name}{value}' for name, value in numbers.items() if value is not None) or 'run'
    return Path('cells', *(re.sub(r'[^\w.+-]+', '_', part) for part in (dataset, method)), last)


def hard_prompt_name(config: str, env: dict[str, str]) -> str:
    """What takes the place of a method's name where a hard prompt is learnt: the config and its variables."""
    variables = '_'.join(value for _, value in sorted(env.items()))
    return f'{Path(config).stem} {variables}'.strip()


def fill(text: str, values: dict[str, Any], place: str) -> str:
    """Fill in ``{names}``.

    Args:
        text: The text.
        values: Values by name.
        place: Where the text is, for errors.

    Raises:
        ValueError: It has a name that has no value.
    """
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f'{place}: {text!r} names {error}; known are {", ".join(values)}') from None


def find_config(text: str, values: dict[str, Any], folder: Path, place: str) -> str:
    """The absolute path of a config that a benchmark names.

    Args:
        text: The path, relative to ``folder``, with names to fill in.
        values: Values by name.
        folder: The folder of the benchmark's own config.
        place: Where the path is written, for errors.

    Raises:
        ValueError: The path has a name that has no value.
        FileNotFoundError: There is no such file.
    """
    path = (folder / fill(text, values, place)).resolve()
    if not path.is_file():
        raise FileNotFoundError(f'{place}: {path} does not exist')
    return str(path)
