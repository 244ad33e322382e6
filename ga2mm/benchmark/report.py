"""Tables and pictures of a benchmark in one self-contained HTML file."""

import base64
import html
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from ga2mm.apis.config import read_config
from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.run_cell import read_result
from ga2mm.benchmark.tables import Table
from ga2mm.utils import write_text
from ga2mm.visualization import (
    bars_figure,
    confusion_figure,
    count_confusion,
    curves_figure,
    read_scalars,
    save_figure,
    tradeoff_figure,
)

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: .5em 0 1.5em }
th, td { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left }
figure { margin: 1.5em 0 }
figcaption { color: #555 }
img { max-width: 100% }
"""


def write_report(
    benchmark: Benchmark, rows: list[dict[str, Any]], tables: list[Table], footer: str, work_dir: Path
) -> Path:
    """Write ``report.html``, and its pictures as PNG and SVG under ``pictures``.

    Curves, confusion matrices and t-SNE show one run, named in the caption: the first of the last method.

    Returns:
        The path of the report.
    """
    pictures = work_dir / 'pictures'
    figures: list[tuple[Path, str]] = []

    def add(name: str, figure: Any, caption: str) -> None:
        figures.append((save_figure(figure, pictures / name)[1], caption))

    if any(row['shots'] is not None for row in rows):  # otherwise one bar would be the mean over all shots
        shots = [f', {row["shots"]} shots' if row['shots'] is not None else '' for row in rows]
        rows = [
            {**row, 'method': row['method'] + text, 'series': row['series'] + text}
            for row, text in zip(rows, shots, strict=True)
        ]
    if any(row['hm'] is not None for row in rows):
        add('bars', bars_figure(rows), 'Top-1 accuracy; bars are means over all runs.')
        caption = 'Base against novel accuracy; further up and right is better.'
        add('tradeoff', tradeoff_figure(rows, by='series'), caption)
    finished = [cell for cell in benchmark.cells if cell.trains and read_result(cell, work_dir)]
    if finished:
        last = [cell for cell in finished if cell.method == finished[-1].method][0]
        add('curves', curves_figure(read_scalars(work_dir / last.folder), str(last)), f'One run: {last}.')
        report = json.loads((work_dir / last.folder / 'test_metrics.json').read_text())
        for name, found in report['sets'].items():
            if '/' not in name:
                counts = count_confusion(found['confusion'], len(found['class_names']))
                figure = confusion_figure(found['class_names'], counts, f'{name} classes')
                add(f'confusion_{name}', figure, f'One run: {last}.')
        if (svg := _tsne(last, work_dir, pictures)) is not None:
            figures.append((svg, f'One run: {last}.'))

    parts = [f'<h1>{html.escape(benchmark.title)}</h1>', *map(_html_table, tables)]
    parts.append(f'<p>{html.escape(footer)}</p>')
    for svg, caption in figures:
        data = base64.b64encode(svg.read_bytes()).decode()
        image = f'<img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{data}">'
        parts.append(f'<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>')
    head = f'<meta charset="utf-8"><title>{html.escape(benchmark.title)}</title><style>{STYLE}</style>'
    path = work_dir / 'report.html'
    write_text(path, f'<!doctype html>\n{head}\n' + '\n'.join(parts) + '\n')
    return path


def _tsne(cell: Cell, work_dir: Path, pictures: Path) -> Path | None:
    """Draw t-SNE of a run's video features in a separate process; on failure print a line, return None."""
    # The copy of the config in the run's folder, with all variables filled in.
    config = work_dir / cell.folder / Path(cell.config).name
    checkpoint = Path(read_result(cell, work_dir)['checkpoint'])
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), _say_nothing) as pool:
        try:
            pool.submit(_draw_tsne, config, checkpoint, pictures).result()
        except Exception as error:  # the tables are correct in any case
            print(f'no t-SNE in the report: {" ".join(str(error).split()) or type(error).__name__}')
            return None
    return pictures / 'tsne.svg'


def _say_nothing() -> None:
    """Discard the output of this process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _draw_tsne(config: Path, checkpoint: Path, pictures: Path) -> None:
    from ga2mm.apis.video_features import draw_video_features

    draw_video_features(read_config(config), checkpoint, pictures)


def _html_table(table: Table) -> str:
    def row(values: list[str], tag: str) -> str:
        return '<tr>' + ''.join(f'<{tag}>{html.escape(value)}</{tag}>' for value in values) + '</tr>'

    body = '\n'.join([row(table.columns, 'th'), *(row(values, 'td') for values in table.rows)])
    return f'<p><b>{html.escape(table.heading)}</b></p>\n<table>\n{body}\n</table>'
