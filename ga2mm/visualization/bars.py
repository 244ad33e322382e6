"""Bar charts of base accuracy, novel accuracy and their harmonic mean by method."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ga2mm.visualization.results import ACCURACIES, Rows, by_key, mean_and_std
from ga2mm.visualization.style import COLOURS, bare, legend_below

NAMES = {
    'base': 'base classes\n(tuned)',
    'novel': 'novel classes\n(never tuned)',
    'hm': 'harmonic mean\n(HM)',
}

HATCHES = ('', '///', '...')  # for repeated colours


def bars_figure(rows: Rows) -> Figure:
    """Draw the mean accuracies of each method with standard deviations, in one panel for each dataset.

    An accuracy that is None in all runs of a method has no bar. Design choice: means are over all runs of
    the method on the dataset, across draws and seeds.

    Args:
        rows: One row for each run, see :func:`~ga2mm.visualization.read_results`.

    Raises:
        ValueError: There are no rows, or no accuracies.
    """
    rows = [row for row in rows if any(row[key] is not None for key in ACCURACIES)]
    if not rows:
        raise ValueError('no row has an accuracy: there is nothing to draw')
    datasets, methods = by_key(rows, 'dataset'), list(by_key(rows, 'method'))
    columns = [key for key in ACCURACIES if any(row[key] is not None for row in rows)]
    figure = Figure(figsize=(7, 0.6 + 3.1 * len(datasets)), layout='constrained')
    panels = figure.subplots(len(datasets), squeeze=False)[:, 0]
    for axes, (dataset, found) in zip(panels, datasets.items(), strict=True):
        _panel(axes, found, methods, columns)
        axes.set_title(dataset, fontsize=10, loc='left')
    legend_below(figure, 'mean over runs; lines: standard deviation where there are several', columns=4)
    return figure


def _panel(axes: Axes, rows: Rows, methods: list[str], columns: list[str]) -> None:
    """Draw the bars of one dataset; a method has the same place and colour in each panel."""
    width = 0.84 / len(methods)
    for method, runs in by_key(rows, 'method').items():
        index = methods.index(method)
        values = {key: [row[key] for row in runs if row[key] is not None] for key in columns}
        places = [
            place + (index - (len(methods) - 1) / 2) * width
            for place, key in enumerate(columns)
            if values[key]
        ]
        means, spreads = zip(*(mean_and_std(found) for found in values.values() if found), strict=True)
        bars = axes.bar(
            places,
            means,
            0.92 * width,
            yerr=spreads if any(spreads) else None,
            color=COLOURS[index % len(COLOURS)],
            hatch=HATCHES[index // len(COLOURS) % len(HATCHES)],
            edgecolor='white',
            linewidth=0,
            error_kw=dict(elinewidth=1, ecolor='0.3'),
            label=method,
        )
        axes.bar_label(bars, fmt='%.1f', fontsize=8, padding=2, rotation=90 if len(methods) > 6 else 0)
    axes.set_xticks(range(len(columns)), [NAMES[key] for key in columns])
    axes.tick_params(axis='x', length=0)
    axes.set_ylabel('top-1 accuracy (%)')
    axes.set_ylim(0, 118 if len(methods) > 6 else 108)
    axes.set_yticks(range(0, 101, 20))
    bare(axes)
