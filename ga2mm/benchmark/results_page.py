"""Fill in the figures of a page from the rows of a benchmark.

A cell of a table on the page ends with a comment that says what stands before it:
``<!-- ours: TABLE; DATASET; METHOD; base / novel / hm -->``. A score ``all@4`` is that of 4 shots. The text
before ``<!-- ours: TABLE; runs -->`` says of which runs the figures of a table are. Other text stays.
"""

import re
from typing import Any

from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.statistics import summarise
from ga2mm.utils import write_text

_PLACE = re.compile(r'(?P<text>[^|\n]*?)(?P<comment>[ ]*<!-- ours: (?P<what>[^>]*?) -->)')


def fill_page(benchmark: Benchmark, rows: list[dict[str, Any]]) -> None:
    """Fill in the figures of a table of which all runs are finished, and print how many there are.

    Raises:
        OSError: The page cannot be read or written.
        ValueError: A comment on the page names an unknown dataset or method, or is not of the form above.
    """
    page = benchmark.results
    if not page.is_file():  # an installed package has no pages
        print(f'{page}: no such page, so no figures are filled in')
        return
    filled = 0

    def replace(match: re.Match) -> str:
        nonlocal filled
        words = [word.strip() for word in match['what'].split(';')]
        if words[0] != benchmark.table:
            return match[0]
        if words[1:] == ['runs']:
            return f'- {benchmark.table}: {_runs(benchmark, rows)}{match["comment"]}'
        if len(words) != 4 or words[1] not in benchmark.datasets or words[2] not in benchmark.methods:
            raise ValueError(f'{page}: <!-- ours: {match["what"]} --> names no dataset and method')
        figures = [_figure(benchmark, rows, *words[1:3], score.strip()) for score in words[3].split(' / ')]
        if None in figures:
            return match[0]
        filled += 1
        return f' {" / ".join(figures)}{match["comment"]}'

    text = _PLACE.sub(replace, page.read_text(encoding='utf-8'))
    write_text(page, text)
    print(f'{page}: {filled} figures of {benchmark.table} are filled in')


def _figure(
    benchmark: Benchmark, rows: list[dict[str, Any]], dataset: str, method: str, score: str
) -> str | None:
    """Give the mean and deviation of a score; None until all its runs are finished."""
    score, _, shots = score.partition('@')

    def is_wanted(table: str, name: str, clips: int | None) -> bool:
        return (table, name) == (dataset, method) and (not shots or clips == int(shots))

    runs = [cell for cell in benchmark.cells if is_wanted(cell.dataset, cell.method, cell.shots)]
    found = [row for row in rows if is_wanted(row['dataset'], row['method'], row['shots'])]
    summary = summarise(found, score)
    return str(summary) if summary is not None and summary.runs == len(runs) else None


def _runs(benchmark: Benchmark, rows: list[dict[str, Any]]) -> str:
    """Say of which runs the figures are."""
    parts = [f'{len(rows)} of {len(benchmark.cells)} runs']
    for key in ('seed', 'commit', 'device'):
        values = sorted({str(row[key]) for row in rows if row.get(key) is not None})
        if values:
            parts.append(f'{key}s {", ".join(values)}' if key == 'seed' else f'{key} {", ".join(values)}')
    return '; '.join(parts)
