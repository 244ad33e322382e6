"""The common style of all figures: colours, markers, axes and legend."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
"""Colour-blind safe palette of Okabe and Ito, without the yellow, which is too pale on white."""

MARKERS = ('o', '^', 's', 'D', 'v', 'P', 'X', '*')


def colour_and_marker(index: int) -> tuple[str, str]:
    """Give colour and marker of the series or class ``index``: all colours for each marker in turn."""
    return COLOURS[index % len(COLOURS)], MARKERS[index // len(COLOURS) % len(MARKERS)]


def shorten(name: str) -> str:
    """Shorten a class name to at most 36 characters.

    The middle is cut, because long names of Something-Something have equal beginnings.
    """
    return name if len(name) <= 36 else f'{name[:15].rstrip()} … {name[-18:].lstrip()}'


def bare(axes: Axes) -> None:
    """Remove the lines above and to the right of a plot."""
    axes.spines[['top', 'right']].set_visible(False)


def legend_below(figure: Figure, note: str, columns: int) -> None:
    """Add one legend below all panels, with each series once and a note above."""
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    legend = figure.legend(
        handles.values(),
        handles,
        loc='outside lower center',
        ncols=min(columns, len(handles)),
        title=note,
        title_fontsize=9,
        fontsize=9,
        frameon=False,
    )
    legend.get_title().set(color='0.3', ha='center')
