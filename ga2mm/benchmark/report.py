"""Tables and pictures of a benchmark in one self-contained HTML file."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from ga2mm.apis.config import read_config
from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.clips import OUTCOMES, RULE, read_clips
from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.scheduler import PRELOAD, visible_gpus
from ga2mm.benchmark.story import LEAST_CHANGE, Story, class_changes, read_story, sentence, verdict, verdicts
from ga2mm.benchmark.tables import Table
from ga2mm.utils import process_context
from ga2mm.visualization.bars import bars_caption, bars_figure
from ga2mm.visualization.clip_cards import html_clips
from ga2mm.visualization.confusion import confusion_caption, confusion_figure, count_confusion
from ga2mm.visualization.curves import curves_caption, curves_figure, read_scalars
from ga2mm.visualization.glossary import Glossary
from ga2mm.visualization.html_page import (
    html_box,
    html_columns,
    html_heading,
    html_picture,
    html_table,
    html_text,
    write_page,
)
from ga2mm.visualization.run_report import METRICS, read_test_metrics
from ga2mm.visualization.save_figure import save_figure
from ga2mm.visualization.tradeoff import tradeoff_caption, tradeoff_figure
from ga2mm.visualization.tsne import CAPTION as TSNE_CAPTION

NOW_YOUR_OWN = (
    'Put the videos of each class into a folder with the name of the class: '
    'my_videos/juggling/garden.mp4. The first command tunes on 4 clips of each class, except juggling, '
    'which stays novel, and writes a report. The second classifies new videos. After make demo, run '
    'source .venv/bin/activate before them. To try them without downloaded weights, add --preset '
    'miniature to the first.'
)
COMMANDS = (
    'ga2mm train my_videos/ --shots 4 --novel juggling',
    'ga2mm predict work_dirs/my_videos/my_videos.ga2 new_videos/',
)
MOST_CLASSES = 30
"""Of more classes, a table shows the first and the last half as many."""


def write_report(
    benchmark: Benchmark, rows: list[dict[str, Any]], tables: list[Table], footer: str, work_dir: Path
) -> Path:
    """Write ``report.html``, and its pictures as PNG and SVG under ``pictures``.

    It tells of the chief comparison (:func:`~ga2mm.benchmark.story.read_story`) in a sentence, in test clips
    and by class, and then shows all tables and pictures. Clips, curves, confusion matrices and t-SNE are of
    one run, which is named.

    Returns:
        The path of the report.
    """
    folder = work_dir / benchmark.table
    story = read_story(benchmark, rows)
    glossary = Glossary()
    parts = []
    if story is not None:
        said = sentence(story)
        parts += [html_text(said, 'lead'), glossary.explain(said)]
        parts += [*_clips(story, work_dir), *_classes(story)]
    parts.append(html_heading('All numbers'))
    for table in tables:
        words = [table.heading, *table.columns, *(cell for row in table.rows for cell in row)]
        parts += [html_table(table.heading, table.columns, table.rows), glossary.explain(*words)]
    parts += [html_text(footer, 'small'), html_heading('Pictures')]
    pictures = _pictures(story, rows, work_dir, folder / 'pictures')
    parts += [html_picture(svg, caption) for svg, caption in pictures]
    parts.append(html_box('Now your own videos', NOW_YOUR_OWN, COMMANDS))
    return write_page(folder / 'report.html', benchmark.title, parts)


def _clips(story: Story, work_dir: Path) -> list[str]:
    """Show test clips with the answers before and after tuning, or say why there are none."""
    heading = html_heading('Test clips before and after tuning')
    if story.zero_shot_cell is None:
        return [heading, html_text('No clips: no zero-shot method was tested on the same classes.')]
    try:
        cards, outcomes = read_clips(story.zero_shot_cell, story.cell, work_dir)
    except (OSError, ValueError) as error:
        return [heading, html_text(f'No clips: {error}.')]
    rows = [[name, *(str(counts[name]) for counts in outcomes.values())] for name in OUTCOMES.values()]
    columns = ['zero-shot → tuned', *(f'{name} clips' for name in outcomes)]
    about = f'Frames from the beginning to the end of each clip, and the answers in one run ({story.cell}).'
    return [heading, html_text(f'{about} {RULE}'), html_clips(cards), html_table('All clips', columns, rows)]


def _classes(story: Story) -> list[str]:
    """Say which classes of each test set were learnt, kept or lost."""
    tables = []
    names = dict.fromkeys(name for row in story.tuned[story.chief] for name in row['per_class'])
    for name in names:
        changes = class_changes(story, name)
        if not changes or '/' in name:
            continue
        counts = Counter(verdict(name, before, after) for _, before, after in changes)
        rows = [
            [label, f'{before:.0f}', f'{after:.0f}', f'{after - before:+.0f} {verdict(name, before, after)}']
            for label, before, after in changes
        ]
        heading = f'{name.capitalize()} classes: ' + ', '.join(
            f'{counts[word]} {word}' for word in verdicts(name)
        )
        if len(rows) > MOST_CLASSES:
            half = MOST_CLASSES // 2
            rows = [*rows[:half], ['…', '', '', ''], *rows[-half:]]
            heading += f' (the {half} at each end)'
        tables.append(html_table(heading, ['class', 'zero-shot %', 'tuned %', 'change'], rows))
    if not tables:
        return []
    about = (
        f'Accuracy of each class, zero-shot and with {story.chief}, mean over the runs in which the class '
        f'is in the set. A change of at most {LEAST_CHANGE:.0f} points counts as none.'
    )
    heading = html_heading('Which classes were learnt, and which were kept')
    return [heading, html_text(about), html_columns(tables)]


def _pictures(
    story: Story | None, rows: list[dict[str, Any]], work_dir: Path, folder: Path
) -> list[tuple[Path, str]]:
    """Draw the pictures; give the SVG and the caption of each."""
    figures: list[tuple[Path, str]] = []

    def add(name: str, figure: Any, caption: str) -> None:
        figures.append((save_figure(figure, folder / name)[1], caption))

    if any(row['shots'] is not None for row in rows):  # otherwise one bar would be the mean over all shots
        shots = [f', {row["shots"]} shots' if row['shots'] is not None else '' for row in rows]
        rows = [
            {**row, 'method': row['method'] + text, 'series': row['series'] + text}
            for row, text in zip(rows, shots, strict=True)
        ]
    if any(row['hm'] is not None for row in rows):
        add('bars', bars_figure(rows), bars_caption(rows))
        add('tradeoff', tradeoff_figure(rows, by='series'), tradeoff_caption(rows, by='series'))
    if story is None:
        return figures
    run = work_dir / story.cell.folder
    one_run = f'One run: {story.cell}.'
    scalars = read_scalars(run)
    add('curves', curves_figure(scalars, str(story.cell)), f'{curves_caption(scalars)} {one_run}')
    for name, found in read_test_metrics(run / METRICS)['sets'].items():
        if '/' not in name and found['confusion']:
            names = found['class_names']
            counts = count_confusion(found['confusion'], len(names))
            figure = confusion_figure(names, counts, f'{name} classes')
            add(f'confusion_{name}', figure, f'{confusion_caption(names, counts)} {one_run}')
    checkpoint = Path(story.tuned[story.chief][0]['checkpoint'])
    if (svg := _tsne(story.cell, checkpoint, work_dir, folder)) is not None:
        figures.append((svg, f'{TSNE_CAPTION} {one_run}'))
    return figures


def _tsne(cell: Cell, checkpoint: Path, work_dir: Path, pictures: Path) -> Path | None:
    """Draw t-SNE of a run's video features in a separate process; on failure print a line, return None."""
    # The copy of the config in the run's folder, with all variables filled in.
    config = work_dir / cell.folder / Path(cell.config).name
    context = process_context(on_gpu=bool(visible_gpus()), preload=PRELOAD)
    with ProcessPoolExecutor(1, context, _say_nothing) as pool:
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
