"""Write the rows of finished runs as CSV and JSON, and make tables of them."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.statistics import paired_difference, summarise
from ga2mm.utils import replace_when_written, write_text
from ga2mm.visualization.results import LEAST_UNITS, by_unit

TITLES = {
    'hm': 'HM',
    'generalized/hm': 'generalized HM',
    'irrelevant/base/auroc': 'AUROC base',
    'irrelevant/base/fpr95': 'FPR95 base',
    'irrelevant/novel/auroc': 'AUROC novel',
    'irrelevant/novel/fpr95': 'FPR95 novel',
}
CSV_COLUMNS = (
    'table', 'method', 'dataset', 'shots', 'draw', 'seed', 'series', 'value', 'base', 'novel', 'hm', 'scores',
    'per_class', 'seconds', 'config', 'config_hash', 'checkpoint', 'device', 'processes', 'versions',
    'commit',
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A text table: heading, column titles and rows."""

    heading: str
    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """Give the table as Markdown."""
        lines = [f'**{self.heading}**', '', _line(self.columns), _line(['---'] * len(self.columns))]
        return '\n'.join([*lines, *map(_line, self.rows)])


def write_rows(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write ``results.json`` and ``results.csv``, one row for each run."""
    write_text(folder / 'results.json', json.dumps(rows, indent=1) + '\n')
    with (
        replace_when_written(folder / 'results.csv') as temporary,
        temporary.open('w', newline='') as file,
    ):
        writer = csv.DictWriter(file, CSV_COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {key: json.dumps(value) if isinstance(value, dict) else value for key, value in row.items()}
            )


def make_tables(benchmark: Benchmark, rows: list[dict[str, Any]]) -> list[Table]:
    """Make a table of scores for each dataset, and tables of differences to the common and own baselines."""
    tables = []
    for dataset in dict.fromkeys(row['dataset'] for row in rows):
        here = [row for row in rows if row['dataset'] == dataset]
        scores = [
            score
            for score in dict.fromkeys(score for row in here for score in row['scores'])
            if '/' not in score or score in TITLES
        ]
        groups: dict[tuple[str, int | None], list[dict[str, Any]]] = {}
        for row in here:
            groups.setdefault((row['method'], row['shots']), []).append(row)
        names = {}
        for method, shots in sorted(groups, key=_order(here)):
            names[method, shots] = method if shots is None else f'{method}, {shots} shots'
        titles = [TITLES.get(score, score) for score in scores]
        body = []
        for key, name in names.items():
            means = [str(summarise(groups[key], score) or '–') for score in scores]
            body.append([name, *means, str(len(groups[key]))])
        heading = f'{dataset}: top-1 accuracy in per cent, mean{_spread_of(list(groups.values()))}'
        if any(score.startswith('irrelevant/') for score in scores):
            heading += '; AUROC and FPR at 95 % TPR of known against irrelevant videos'
        tables.append(Table(heading, ['method', *titles, 'runs'], body))
        for baseline in benchmark.baselines:
            pairs = [(name, key, baseline) for key, name in names.items() if key[0] != baseline]
            tables += _differences(f'{dataset}: difference to {baseline}', here, groups, pairs, scores)
        own = benchmark.own_baselines
        pairs = [
            (f'{name} against {own[key[0]]}', key, own[key[0]])
            for key, name in names.items()
            if key[0] in own
        ]
        tables += _differences(f'{dataset}: difference', here, groups, pairs, scores)
    return tables


def _differences(
    heading: str,
    rows: list[dict[str, Any]],
    groups: dict[tuple[str, int | None], list[dict[str, Any]]],
    pairs: list[tuple[str, tuple[str, int | None], str]],
    scores: list[str],
) -> list[Table]:
    """Make the table of differences for (row name, group, baseline) pairs; an empty list without pairs."""
    compared, units = [], 0
    for name, key, baseline in pairs:
        others = groups.get((baseline, key[1]), groups.get((baseline, None)))
        if others:
            found = [paired_difference(groups[key], others, score) for score in scores]
            units = max(units, *(each.units for each in found if each is not None), 0)
            compared.append([name, *('–' if each is None else str(each) for each in found)])
    if not units:
        return []
    unit = 'class draw' if any(row['draw'] is not None for row in rows) else 'seed'
    heading += ' in points, ' + (
        f'one {unit}, so no interval'
        if units == 1
        else f'mean of two {unit}s, which are too few for an interval (both in brackets)'
        if units < LEAST_UNITS
        else f'with the 95 % interval over {units} {unit}s; "not shown" where it contains zero'
    )
    return [Table(heading, ['method', *(TITLES.get(score, score) for score in scores)], compared)]


def make_footer(benchmark: Benchmark, rows: list[dict[str, Any]]) -> str:
    """Make the footer: provenance and limitations of the numbers."""
    expected = len(benchmark.cells)
    parts = [f'{len(rows)} of {expected} runs' if len(rows) < expected else f'{expected} runs']
    for key, name in (('draw', 'class draws'), ('seed', 'seeds'), ('shots', 'shots')):
        values = sorted({row[key] for row in rows if row[key] is not None})
        if values:
            parts.append(f'{name} {", ".join(map(str, values))}')
    parts.append(f'{sum(row["seconds"] for row in rows) / 60:.0f} minutes of runs')
    for key, name in (('commit', 'commit'), ('device', 'device')):
        values = sorted({str(row.get(key)) for row in rows})
        parts.append(f'{name} {", ".join(values)}')
    parts.append('the checkpoint tested is the last' if all(
        cell.checkpoint == 'last' for cell in benchmark.cells
    ) else 'the checkpoint tested is the best on validation videos of the base classes')  # fmt: skip
    if benchmark.part == 'validation':
        parts.append('VALIDATION data, for choosing hyperparameters')
    return '; '.join(parts) + '.' + (f' {benchmark.note}' if benchmark.note else '')


def _spread_of(groups: list[list[dict[str, Any]]]) -> str:
    """Say what stands after the mean of the largest group."""
    units = max(len(by_unit(rows)) for rows in groups)
    return ' ± standard deviation' if units >= LEAST_UNITS else ' (both values)' if units == 2 else ''


def _order(rows: list[dict[str, Any]]) -> Any:
    methods = list(dict.fromkeys(row['method'] for row in rows))
    return lambda key: (methods.index(key[0]), key[1] or 0)


def _line(values: list[str]) -> str:
    return '| ' + ' | '.join(values) + ' |'
