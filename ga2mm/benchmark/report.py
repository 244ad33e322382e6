"""Tables and pictures of a benchmark in one self-contained HTML file."""

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
from ga2mm.visualization import (
    bars_figure,
    confusion_figure,
    count_confusion,
    curves_figure,
    html_picture,
    html_table,
    html_text,
    read_scalars,
    save_figure,
    tradeoff_figure,
    write_page,
)


def write_report(
    benchmark: Benchmark, rows: list[dict[str, Any]], tables: list[Table], footer: str, work_dir: Path
) -> Path:
    """Write ``report.html``, and its pictures as PNG and SVG under ``pictures``.

    Curves, confusion matrices and t-SNE show one run, named in the caption: the first of the last method.

    Returns:
        The path of the report.
    """
    folder = work_dir / benchmark.table
    pictures = folder / 'pictures'
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

    parts = [html_table(table.heading, table.columns, table.rows) for table in tables]
    parts += [html_text(footer), *(html_picture(svg, caption) for svg, caption in figures)]
    return write_page(folder / 'report.html', benchmark.title, parts)


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
