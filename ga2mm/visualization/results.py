"""Results of runs as rows of accuracies, and their mean and standard deviation."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ACCURACIES = ('base', 'novel', 'hm')

Rows = Sequence[Mapping[str, Any]]
"""A row is one run: ``method``, ``dataset``, ``base``, ``novel`` and ``hm`` (per cent, or None)."""

LEAST_UNITS = 3
"""Fewer independent results have no standard deviation and no interval. Design choice."""

SPREAD_NOTE = 'mean over runs; lines: standard deviation, from three results on'
"""Note below pictures that show means."""


def read_results(path: str | Path) -> list[dict[str, Any]]:
    """Read a JSON list of rows, each of which is the result of one run.

    Returns:
        The rows. Each has at least the keys ``method`` and ``dataset`` (text), ``base``, ``novel`` and
        ``hm`` (per cent, or None).

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a list of such rows; the message names the row, counted from 1.
    """
    try:
        rows = json.loads(Path(path).read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not a JSON file ({error}): give the results of a benchmark') from error
    if not isinstance(rows, list) or not rows:
        raise ValueError(
            f'{path} must hold a list of rows, one for each run: give the results of a benchmark'
        )
    for number, row in enumerate(rows, start=1):
        where = f'{path}, row {number}'
        if not isinstance(row, dict):
            raise ValueError(
                f'{where}: {row!r} is not a row; write an object with method, dataset, base, novel, hm'
            )
        for key in ('method', 'dataset'):
            if not isinstance(row.get(key), str):
                raise ValueError(f'{where}: {key} is {row.get(key)!r}; write a text')
        for key in ACCURACIES:
            if key not in row or not _is_accuracy(row[key]):
                raise ValueError(
                    f'{where}: {key} is {row.get(key, "missing")!r}; write an accuracy in per cent or null'
                )
    return rows


def by_key(rows: Rows, key: str) -> dict[Any, list[Mapping[str, Any]]]:
    """Group rows by their value of a key, in the order of first occurrence.

    Raises:
        ValueError: A row does not have the key.
    """
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for number, row in enumerate(rows, start=1):
        if key not in row:
            raise ValueError(f'row {number} has no {key!r}; its keys are {", ".join(map(str, row))}')
        groups.setdefault(row[key], []).append(row)
    return groups


def by_unit(rows: Rows) -> list[list[Mapping[str, Any]]]:
    """Group rows into independent results: by class draw if there are several draws, else each run alone.

    Seeds of a draw share its classes, so they are not independent.
    """
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row.get('draw'), []).append(row)
    return list(groups.values()) if len(groups) > 1 else [[row] for row in rows]


def mean_and_std(rows: Rows, key: str) -> tuple[float, float]:
    """Compute mean and sample standard deviation of an accuracy over at least one row.

    The deviation is 0 for fewer than :data:`LEAST_UNITS` independent results.
    """
    values = [row[key] for row in rows]
    enough = len(by_unit(rows)) >= LEAST_UNITS
    return statistics.fmean(values), statistics.stdev(values) if enough else 0.0


def _is_accuracy(value: Any) -> bool:
    if value is None:
        return True
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 100
