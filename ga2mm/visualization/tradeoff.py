"""Plots of the trade-off between base and novel accuracy."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ga2mm.visualization.results import SPREAD_NOTE, Rows, by_key, mean_and_std
from ga2mm.visualization.style import bare, colour_and_marker, legend_below

MAX_ACCURACY_SHOWN = 101  # per cent, so that a marker at 100 is not cut off


def tradeoff_figure(rows: Rows, by: str = 'method') -> Figure:
    """Draw base accuracy (x) against novel accuracy (y), with lines of equal harmonic mean.

    A point is the mean over runs, with the standard deviations as error bars. Rows with a ``value`` of a
    hyperparameter give one point per value, joined in the order of values. Each dataset has a panel. Runs
    without base or novel accuracy (None) are left out. Design choice: means are over all runs of the group
    on the dataset, across draws and seeds.

    Args:
        rows: One row for each run, see :func:`~ga2mm.visualization.read_results`.
        by: The key that determines the colour.

    Raises:
        ValueError: No row has both accuracies, a row lacks the key ``by``, or the values of a group cannot
            be ordered.
    """
    rows = [row for row in rows if row['base'] is not None and row['novel'] is not None]
    if not rows:
        raise ValueError('no row has both base and novel accuracy: there is no trade-off to draw')
    names = list(by_key(rows, by))
    datasets = by_key(rows, 'dataset')
    columns = min(len(datasets), 2)
    lines = math.ceil(len(datasets) / columns)
    figure = Figure(figsize=(4.8 if columns == 1 else 8, 0.9 + 3.7 * lines), layout='constrained')
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for axes in panels[len(datasets) :]:
        axes.remove()
    for axes, (dataset, found) in zip(panels, datasets.items(), strict=False):
        for name, runs in by_key(found, by).items():
            _series(axes, str(name), names.index(name), runs)
        _harmonic_mean_lines(axes)
        axes.set_title(dataset, fontsize=10, loc='left')
        axes.set_xlabel('base classes (tuned), top-1 accuracy (%)')
        axes.set_ylabel('novel classes (never tuned), top-1 accuracy (%)')
        bare(axes)
    note = SPREAD_NOTE
    if any(row.get('value') is not None for row in rows):
        note = f'number at a point: value of the hyperparameter\n{note}'
    legend_below(figure, note, columns=2 * columns)
    return figure


def tradeoff_caption(rows: Rows, by: str = 'method') -> str:
    """Say how to read the plot, and which groups lie furthest to the right and furthest up."""
    said = ['Right is better on base classes, up is better on novel classes; a grey line has the same HM.']
    rows = [row for row in rows if row['base'] is not None and row['novel'] is not None]
    for dataset, found in by_key(rows, 'dataset').items():
        groups = by_key(found, by)
        right, up = (
            max(groups, key=lambda name: mean_and_std(groups[name], key)[0]) for key in ('base', 'novel')
        )
        if right == up:
            said.append(f'On {dataset}, {right} is furthest to the right and furthest up.')
        else:
            said.append(f'On {dataset}, {right} is furthest to the right and {up} furthest up.')
    return ' '.join(said)


def _series(axes: Axes, name: str, index: int, runs: list[Mapping[str, Any]]) -> None:
    """Draw the points of one group, joined if there are several."""
    points: dict[Any, list[Mapping[str, Any]]] = {}
    for row in runs:
        points.setdefault(row.get('value'), []).append(row)
    try:
        ordered = sorted(points)
    except TypeError as error:
        raise ValueError(
            f'{name}: the values {", ".join(map(repr, points))} cannot be ordered; give every row a number'
        ) from error
    base = [mean_and_std(points[value], 'base') for value in ordered]
    novel = [mean_and_std(points[value], 'novel') for value in ordered]
    colour, marker = colour_and_marker(index)
    axes.errorbar(
        [mean for mean, _ in base],
        [mean for mean, _ in novel],
        xerr=[spread for _, spread in base],
        yerr=[spread for _, spread in novel],
        color=colour,
        marker=marker,
        linewidth=1,
        markersize=6,
        label=name,
    )
    for value, (x, _), (y, _) in zip(ordered, base, novel, strict=True):
        if value is not None:
            axes.annotate(
                f'{value:g}' if isinstance(value, float) else str(value),
                (x, y),
                xytext=(5, 5),
                textcoords='offset points',
                color=colour,
                fontsize=8,
            )


def _harmonic_mean_lines(axes: Axes) -> None:
    """Draw lines of equal harmonic mean behind the points, within the axis limits set by the points."""
    axes.margins(0.15)
    limits = axes.get_xlim(), axes.get_ylim()
    # Both axes have the same scale, and a minimum range, so that close points do not fill the whole plot.
    reach = max(6, *(high - low for low, high in limits))
    ends = [min((low + high + reach) / 2, MAX_ACCURACY_SHOWN) for low, high in limits]
    (left, right), (low, high) = [(max(end - reach, 0), end) for end in ends]
    x, y = np.meshgrid(np.linspace(max(left, 0.01), right, 200), np.linspace(max(low, 0.01), high, 200))
    lines = axes.contour(x, y, 2 * x * y / (x + y), levels=6, colors='0.75', linewidths=0.8, zorder=0)
    axes.clabel(lines, fmt='HM %g', fontsize=7, colors='0.5')
    axes.set(xlim=(left, right), ylim=(low, high), aspect='equal')
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
