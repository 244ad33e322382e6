"""Saving of figures."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ga2mm.utils import replace_when_written


def save_figure(figure: Figure, path: str | Path) -> tuple[Path, Path]:
    """Write a figure as PNG (150 dots per inch) and as SVG; the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: The path without a suffix: ``work_dirs/run/curves``.

    Returns:
        The two files.
    """
    png, svg = Path(f'{path}.png'), Path(f'{path}.svg')
    with replace_when_written(png) as temporary:
        figure.savefig(temporary, format='png', dpi=150)
    # Without date and salt, matplotlib would write the time and random names into the file. Text stays
    # text, so that a browser shows names that matplotlib's font lacks, such as Chinese ones.
    options = {'svg.hashsalt': svg.name, 'svg.fonttype': 'none'}
    with replace_when_written(svg) as temporary, matplotlib.rc_context(options):
        figure.savefig(temporary, format='svg', metadata={'Date': None})
    return png, svg
