"""Names of runs and of their folders, and the ``{names}`` to fill in in the config of a benchmark."""

import re
from pathlib import Path
from typing import Any


def run_name(table: str, method: str, dataset: str, **numbers: int | None) -> str:
    """Give the readable name of a run: ``'GA2-CLIP, mild, draw 0, seed 1'``; None numbers are left out."""
    named = [f'{name} {value}' for name, value in numbers.items() if value is not None]
    return ', '.join([*([table] if table else []), method, dataset, *named])


def run_folder(table: str, method: str, dataset: str, **numbers: int | None) -> Path:
    """Give the folder of a run under the benchmark's folder: ``cells/mild/GA2-CLIP/draw0_seed1``.

    Runs of a benchmark with several tables have the table's folder, ``cells/few_shot/...``.
    """
    last = '_'.join(f'{name}{value}' for name, value in numbers.items() if value is not None) or 'run'
    parts = [re.sub(r'[^\w.+-]+', '_', part) for part in (table, dataset, method) if part]
    return Path('cells', *parts, last)


def hard_prompt_name(config: str, env: dict[str, str]) -> str:
    """Give the method name of a run that learns a hard prompt, from its config and variables."""
    variables = '_'.join(value for _, value in sorted(env.items()))
    return f'{Path(config).stem} {variables}'.strip()


def fill(text: str, values: dict[str, Any], place: str) -> str:
    """Fill in ``{names}``; raise a ValueError with the ``place`` of the text for a name without a value."""
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f'{place}: {text!r} cannot be filled in: {error}; the known names are {", ".join(values)}'
        ) from None


def find_config(text: str, values: dict[str, Any], folder: Path, place: str) -> str:
    """Give the absolute path of a config that a benchmark names relative to its own folder.

    Raises:
        ValueError: A name in the path has no value.
        FileNotFoundError: The file does not exist.
    """
    path = (folder / fill(text, values, place)).resolve()
    if not path.is_file():
        raise FileNotFoundError(f'{place}: {path} does not exist')
    return str(path)
