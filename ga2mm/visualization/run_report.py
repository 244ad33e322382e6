"""Report of one run: accuracies, classes, learning curves and confusion matrices in one HTML file."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ga2mm.visualization.confusion import (
    confusion_caption,
    confusion_figure,
    count_confusion,
    to_percent,
)
from ga2mm.visualization.curves import curves_caption, curves_figure, read_scalars
from ga2mm.visualization.glossary import Glossary
from ga2mm.visualization.html_page import (
    html_box,
    html_heading,
    html_picture,
    html_table,
    html_text,
    write_page,
)
from ga2mm.visualization.save_figure import save_figure

METRICS = 'test_metrics.json'

TITLES = {
    'all': 'all classes',
    'base': 'base classes (trained)',
    'novel': 'novel classes (never trained)',
    'generalized/base': 'base classes, novel names offered too',
    'generalized/novel': 'novel classes, base names offered too',
}


def read_test_metrics(path: Path) -> dict[str, Any]:
    """Read the report of a test.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a report of a test.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        if all(isinstance(found, dict) for found in content['sets'].values()):
            return content
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError(f'{path} is not a test report: give the {METRICS} that `ga2mm test` writes')


def accuracy_rows(metrics: Mapping[str, Any]) -> list[list[str]]:
    """Give (test set, classes, videos, unreadable videos, top-1 in per cent) of each set, as text.

    The harmonic means of base and novel accuracy follow.
    """
    rows = [
        [
            TITLES.get(name, name),
            str(found['classes']),
            str(found['videos']),
            str(found['unreadable']),
            f'{100 * found["acc/top1"]:.1f}',
        ]
        for name, found in metrics['sets'].items()
    ]
    means = {'hm': 'harmonic mean', 'generalized/hm': 'harmonic mean, all names offered'}
    return rows + [
        [title, '', '', '', f'{metrics["top1_percent"][key]:.1f}']
        for key, title in means.items()
        if key in metrics['top1_percent']
    ]


ACCURACY_COLUMNS = ['test set', 'classes', 'videos', 'unreadable', 'top-1 %']


def write_run_report(run: Path, title: str, notes: Sequence[str] = ()) -> Path:
    """Write ``report.html`` into the folder of a run, and its pictures into ``pictures``.

    Args:
        run: Folder of a run with the report of its test.
        title: Title of the page.
        notes: Lines under the title.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: The run has no report of a test.
        ValueError: A file of the run is damaged.
    """
    metrics = read_test_metrics(run / METRICS)
    said, pictures, glossary = sentence(metrics), run / 'pictures', Glossary()
    rows = accuracy_rows(metrics)
    table = html_table('Accuracy', ACCURACY_COLUMNS, rows)
    parts = [html_text(said, 'lead'), glossary.explain(said), *map(html_text, notes), table]
    parts.append(glossary.explain(*ACCURACY_COLUMNS, *(row[0] for row in rows)))
    for name, found in metrics['sets'].items():
        if '/' not in name:
            parts += _test_set(name, found, pictures)
    if any(run.glob('*/vis_data/scalars.json')):
        scalars = read_scalars(run)
        svg = save_figure(curves_figure(scalars, title), pictures / 'curves')[1]
        parts += [html_heading('Training'), html_picture(svg, curves_caption(scalars))]
    for model in sorted(run.glob('*.ga2')):
        command = f'ga2mm predict {shlex.quote(str(model))} new_videos/'
        parts.append(html_box('Now new videos', 'This command classifies all videos of a folder.', [command]))
    return write_page(run / 'report.html', title, parts)


def sentence(metrics: Mapping[str, Any]) -> str:
    """Say in one sentence how many test videos of each set the model has right."""
    parts = [
        f'{round(found["acc/top1"] * found["videos"])} of {found["videos"]} test videos of '
        f'{_classes(name, found["classes"])} ({100 * found["acc/top1"]:.1f} %)'
        for name, found in metrics['sets'].items()
        if '/' not in name
    ]
    return f'The model has the right answer for {" and for ".join(parts)}.' if parts else ''


def _classes(name: str, number: int) -> str:
    """Give '4 base classes', with 'base' for sets that are named so."""
    kind = f'{name} ' if name in ('base', 'novel') else ''
    return f'{number} {kind}class{"es" if number != 1 else ""}'


def _test_set(name: str, found: Mapping[str, Any], pictures: Path) -> list[str]:
    """Show the classes of a test set and their confusion matrix."""
    counts = count_confusion(found['confusion'], len(found['class_names']))
    percent = to_percent(counts).diagonal()
    rows = [
        [class_name, str(int(counts[label].sum())), f'{percent[label]:.1f}']
        for label, class_name in enumerate(found['class_names'])
        if counts[label].sum()
    ]
    heading = TITLES.get(name, name)
    svg = save_figure(
        confusion_figure(found['class_names'], counts, heading), pictures / f'confusion_{name}'
    )[1]
    return [
        html_heading(heading.capitalize()),
        html_table('Accuracy of each class', ['class', 'videos', 'right %'], rows),
        html_picture(svg, confusion_caption(found['class_names'], counts)),
    ]
