"""Bar charts of base accuracy, novel accuracy and their harmonic mean by method."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ga2mm.visualization.results import ACCURACIES, SPREAD_NOTE, Rows, by_key, mean_and_std
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
    width = 5 if len(methods) <= 4 else 7
    figure = Figure(figsize=(width, 0.6 + 3.1 * len(datasets)), layout='constrained')
    panels = figure.subplots(len(datasets), squeeze=False)[:, 0]
    for axes, (dataset, found) in zip(panels, datasets.items(), strict=True):
        _panel(axes, found, methods, columns)
        axes.set_title(dataset, fontsize=10, loc='left')
    legend_below(figure, SPREAD_NOTE, columns=3)
    return figure


def bars_caption(rows: Rows) -> str:
    """Say which method has the highest mean of each accuracy, on each dataset."""
    titles = {'base': 'on base classes', 'novel': 'on novel classes', 'hm': 'in HM'}
    said = ['Bars are means over all runs; a higher bar is better.']
    for dataset, found in by_key(rows, 'dataset').items():
        best = []
        for key, title in titles.items():
            means = {
                method: mean_and_std(runs, key)[0]
                for method, runs in by_key([row for row in found if row[key] is not None], 'method').items()
            }
            if means:
                method = max(means, key=means.get)
                best.append(f'{method} {title} ({means[method]:.1f})')
        if best:
            said.append(f'The highest on {dataset}: {", ".join(best)}.')
    return ' '.join(said)


def _panel(axes: Axes, rows: Rows, methods: list[str], columns: list[str]) -> None:
    """Draw the bars of one dataset; a method has the same place and colour in each panel."""
    width = 0.84 / len(methods)
    for method, runs in by_key(rows, 'method').items():
        index = methods.index(method)
        values = {key: [row for row in runs if row[key] is not None] for key in columns}
        places = [
            place + (index - (len(methods) - 1) / 2) * width
            for place, key in enumerate(columns)
            if values[key]
        ]
        pairs = [mean_and_std(found, key) for key, found in values.items() if found]
        means, spreads = zip(*pairs, strict=True)
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
        axes.bar_label(bars, fmt='%.1f', fontsize=9, padding=2, rotation=90 if len(methods) > 6 else 0)
    axes.set_xticks(range(len(columns)), [NAMES[key] for key in columns])
    axes.tick_params(axis='x', length=0)
    axes.set_ylabel('top-1 accuracy (%)')
    axes.set_ylim(0, 118 if len(methods) > 6 else 108)
    axes.set_yticks(range(0, 101, 20))
    bare(axes)
