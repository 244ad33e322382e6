"""Renew what README shows of measurements: its table and plot, and the animation of sample clips.

    python tools/docs/readme.py work_dirs/benchmarks/anchors

The table, the lines below it and docs/images/tradeoff.svg have the figures of
docs/experiments/anchors_test.md. docs/images/clips.webp shows test clips with the answers of two runs of a
benchmark, zero-shot CLIP and GA2-CLIP. Every benchmark of the miniature world with both will do, such as
work_dirs/benchmarks/demo. Call it in the folder in which the benchmark ran, which has its videos.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ga2mm.utils import one_line_errors, write_text

ROOT = Path(__file__).resolve().parents[2]
METHODS = ('zero-shot CLIP', 'deep prompts', 'self-consistency', 'GA2-CLIP')
COLUMNS = ('method', 'base', 'novel', 'HM', 'runs')
COMPARED = 'Difference to GA2-CLIP in points'
BLOCK = re.compile(r'(<!-- figures: [^\n]*-->\n).*(<!-- end of figures -->\n)', re.DOTALL)
DIFFERENCE = re.compile(r'([+-][\d.]+)(?: \[([+-][\d.]+), ([+-][\d.]+)\])?(?: not shown)?')


@dataclass(frozen=True)
class Figures:
    """What README's table says.

    Args:
        rows: The cells of :data:`COLUMNS` for each of :data:`METHODS`.
        gains: HM of GA2-CLIP minus the HM of deep prompts and of self-consistency, with interval.
    """

    rows: list[list[str]]
    gains: dict[str, str]


def read_figures(path: Path) -> Figures:
    """Read the first table of accuracies of a page, and the first of differences to GA2-CLIP.

    The page is docs/experiments/anchors_test.md, or ``table.md`` of a benchmark with the same methods.

    Raises:
        ValueError: A table, a column or a method is not there, or a difference is not a number.
    """
    tables = list(_tables(path.read_text(encoding='utf-8')))
    accuracies = next((table for _, table in tables if set(COLUMNS) <= set(table[0])), None)
    if accuracies is None:
        raise ValueError(f'{path} has no table with the columns {", ".join(COLUMNS)}')
    differences = next((table for before, table in tables if COMPARED.lower() in before.lower()), None)
    if differences is None:
        raise ValueError(f'{path} has no table below a line with {COMPARED!r}')
    rows = [[_cell(path, accuracies, method, column) for column in COLUMNS] for method in METHODS]
    others = ('deep prompts', 'self-consistency')
    return Figures(rows, {name: _negated(path, _cell(path, differences, name, 'HM')) for name in others})


def _tables(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the Markdown tables of a text, each with the last line of text before it."""
    before, table = '', []
    for line in [*text.splitlines(), '']:
        if line.startswith('|'):
            table.append([cell.strip() for cell in line.strip('| ').split('|')])
            continue
        if table:
            yield before, [table[0], *table[2:]]
            table = []
        before = line if line.strip() else before


def _cell(path: Path, table: list[list[str]], method: str, column: str) -> str:
    columns, *rows = table
    row = next((row for row in rows if row[0] == method), None)
    if row is None or len(row) != len(columns) or column not in columns:
        raise ValueError(
            f'{path} has no figure for {method} and {column} in the table of {", ".join(columns)}'
        )
    return row[columns.index(column)]


def _negated(path: Path, text: str) -> str:
    """Turn a difference of a method to GA2-CLIP into one of GA2-CLIP to the method."""
    match = DIFFERENCE.fullmatch(text)
    if not match:
        raise ValueError(f'{path}: {text!r} is no difference; write it as -0.2 [-1.0, +0.6]')
    mean, *ends = [f'{0.0 - float(number):+.1f}' for number in match.groups() if number]
    if not ends:
        return mean
    shown = not float(ends[1]) <= 0 <= float(ends[0])
    return f'{mean} [{ends[1]}, {ends[0]}]{"" if shown else ", no difference shown"}'


def block_of(figures: Figures) -> str:
    """Give README's table and the line below it, as Markdown."""
    lines = [COLUMNS, ['---'] * len(COLUMNS), *figures.rows]
    table = '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
    gains = ';\n'.join(f'minus {name}: {gain}' for name, gain in figures.gains.items())
    return f'{table}\n\nPoints of HM with 95 % intervals, GA2-CLIP {gains}.\n'


def renewed(readme: str, block: str) -> str:
    """Give the text of README with the block of figures replaced.

    Raises:
        ValueError: The text has no such block.
    """
    if not BLOCK.search(readme):
        raise ValueError('README has no lines <!-- figures: ... --> and <!-- end of figures -->')
    return BLOCK.sub(lambda match: f'{match[1]}\n{block}\n{match[2]}', readme)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('work_dir', type=Path, nargs='?', help='a benchmark; without it the animation stays')
    parser.add_argument('--figures', type=Path, default=ROOT / 'docs/experiments/anchors_test.md')
    parser.add_argument('--readme', type=Path, default=ROOT / 'README.md', help='the file with the table')
    parser.add_argument('--images', type=Path, default=ROOT / 'docs/images', help='folder of the pictures')
    parser.add_argument('--check', action='store_true', help='write nothing; fail if the table would change')
    args = parser.parse_args()
    figures, old = read_figures(args.figures), args.readme.read_text(encoding='utf-8')
    new = renewed(old, block_of(figures))
    if args.check:
        if new != old:
            sys.exit(f'error: {args.readme} does not fit {args.figures}: run python tools/docs/readme.py')
        return

    from pictures import draw_tradeoff, read_sample_clips, write_animation

    clips = [] if args.work_dir is None else read_sample_clips(args.work_dir)
    draw_tradeoff(figures.rows, args.images / 'tradeoff.svg')
    if clips:
        write_animation(clips, args.images / 'clips.webp')
    write_text(args.readme, new)


if __name__ == '__main__':
    with one_line_errors():
        main()
