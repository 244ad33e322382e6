"""Means over runs, and paired differences with their confidence intervals."""

import statistics
from dataclasses import dataclass
from typing import Any

from scipy.stats import t as student

from ga2mm.visualization.results import LEAST_UNITS, by_unit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """A score over runs, in percentage points.

    Args:
        mean: Mean over the runs.
        deviation: Standard deviation over the runs; None for fewer than three independent results.
        runs: Number of runs.
        two: The two independent results, if there are two.
    """

    mean: float
    deviation: float | None
    runs: int
    two: tuple[float, ...] = ()

    def __str__(self) -> str:
        spread = '' if self.deviation is None else f' ± {self.deviation:.1f}'
        return f'{self.mean:.1f}{spread}{_in_brackets(self.two, "{:.1f}")}'


@dataclass(frozen=True)
class Difference:
    """A paired difference in points.

    Args:
        mean: Mean over the units.
        half_width: Half width of the 95 % interval; None for fewer than three units.
        units: Number of units: class draws, or seeds.
        two: The differences of the two units, if there are two.
    """

    mean: float
    half_width: float | None
    units: int
    two: tuple[float, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether the interval excludes zero."""
        return self.half_width is not None and abs(self.mean) > self.half_width

    def __str__(self) -> str:
        if self.half_width is None:
            return f'{self.mean:+.1f}{_in_brackets(self.two, "{:+.1f}")}'
        interval = f'[{self.mean - self.half_width:+.1f}, {self.mean + self.half_width:+.1f}]'
        return f'{self.mean:+.1f} {interval}' + ('' if self.shown else ' not shown')


def summarise(rows: list[dict[str, Any]], score: str) -> Summary | None:
    """Compute the mean of a score over rows, and its spread; None if no row has it."""
    rows = [row for row in rows if score in row['scores']]
    if not rows:
        return None
    values = [row['scores'][score] for row in rows]
    units = [statistics.fmean(row['scores'][score] for row in unit) for unit in by_unit(rows)]
    deviation = statistics.stdev(values) if len(units) >= LEAST_UNITS else None
    return Summary(statistics.fmean(values), deviation, len(values), _if_two(units))


def paired_difference(
    rows: list[dict[str, Any]], baseline: list[dict[str, Any]], score: str
) -> Difference | None:
    """Compute the difference of a score to the baseline's, paired by class draw and seed.

    Seeds of a draw share its classes and are not independent, so differences are averaged over the seeds of
    a draw, with a Student's t interval over three draws or more. Without draws the interval is over the
    seeds. A method that learns nothing has one run, which is paired with every seed. Design choice: the
    papers report no intervals.

    Returns:
        The difference; None if there is no pair of rows.
    """
    draws = any(row['draw'] is not None for row in rows)
    differences: dict[Any, list[float]] = {}
    for row in rows:
        for other in baseline:
            same_draw = row['draw'] == other['draw'] and other['shots'] in (row['shots'], None)
            same_seed = row['seed'] == other['seed'] or None in (row['seed'], other['seed'])
            if same_draw and same_seed and score in row['scores'] and score in other['scores']:
                seed = row['seed'] if row['seed'] is not None else other['seed']
                unit = row['draw'] if draws else seed
                differences.setdefault(unit, []).append(row['scores'][score] - other['scores'][score])
    if not differences:
        return None
    means = [statistics.fmean(values) for values in differences.values()]
    if len(means) < LEAST_UNITS:
        return Difference(statistics.fmean(means), None, len(means), _if_two(means))
    quantile = student.ppf((1 + CONFIDENCE) / 2, len(means) - 1)
    half_width = quantile * statistics.stdev(means) / len(means) ** 0.5
    return Difference(statistics.fmean(means), float(half_width), len(means))


def _if_two(values: list[float]) -> tuple[float, ...]:
    return tuple(values) if len(values) == 2 else ()


def _in_brackets(values: tuple[float, ...], form: str) -> str:
    return f' ({", ".join(map(form.format, values))})' if values else ''
