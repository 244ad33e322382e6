"""Saving of figures."""

import warnings
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ga2mm.utils import replace_when_written
from ga2mm.visualization.text_font import escaped, set_fonts


def save_figure(figure: Figure, path: str | Path) -> tuple[Path, Path]:
    """Write a figure as PNG (150 dots per inch) and as SVG; the same figure gives the same bytes.

    Names may be in any script. Characters that no installed font has are written as ``\\uNNNN`` in the PNG,
    with a warning. Text of the SVG stays text, so that a browser shows them.

    Args:
        figure: The figure.
        path: The path without a suffix: ``work_dirs/run/curves``.

    Returns:
        The two files.
    """
    png, svg = Path(f'{path}.png'), Path(f'{path}.svg')
    lacking = set_fonts(figure)
    with replace_when_written(png) as temporary, escaped(figure, lacking):
        figure.savefig(temporary, format='png', dpi=150)
    # Without date and salt, matplotlib would write the time and random names into the file.
    options = {'svg.hashsalt': svg.name, 'svg.fonttype': 'none'}
    with (
        replace_when_written(svg) as temporary,
        matplotlib.rc_context(options),
        warnings.catch_warnings(action='ignore', category=UserWarning),  # of the size of lacking characters
    ):
        figure.savefig(temporary, format='svg', metadata={'Date': None})
    return png, svg
