"""A picture of the classes of a long video over time."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from ga2mm.visualization.style import COLOURS, bare, legend_below, shorten

MOST = len(COLOURS) - 1
"""Number of classes with a colour of their own."""

OTHER = 'other classes'

GREY = '0.7'


def time_line_figure(segments: Sequence[Any], title: str = '') -> Figure:
    """Draw the labels of a video over time: one bar per segment, as high as its probability.

    The labels that cover most of the time have colours of their own; 'none of these' is a grey, low bar.

    Args:
        segments: ``TimeLine.segments``: predictions with ``label``, ``probability``, ``start`` and ``end``.
        title: Title of the picture.

    Raises:
        ValueError: There are no segments.
    """
    if not segments:
        raise ValueError(f'{title or "the time line"} has no segment: there is nothing to draw')
    seconds: Counter[str] = Counter()
    for one in segments:
        if one.probability is not None:
            seconds[one.label] += one.end - one.start
    colours = {label: COLOURS[place] for place, (label, _) in enumerate(seconds.most_common(MOST))}
    figure = Figure(figsize=(10, 3.2), layout='constrained')
    axes = figure.subplots()
    for one in segments:
        known = one.probability is not None
        label = shorten(one.label) if one.label in colours else OTHER if known else one.label
        axes.bar(
            one.start,
            one.probability if known else 0.04,
            one.end - one.start,
            align='edge',
            color=colours.get(one.label, GREY),
            edgecolor='white',
            linewidth=0.5,
            label=label,
        )
    axes.set_xlim(segments[0].start, segments[-1].end)
    axes.set_ylim(0, 1)
    axes.set_xlabel('seconds')
    axes.set_ylabel('probability')
    axes.set_title(shorten(title), fontsize=10, loc='left')
    bare(axes)
    legend_below(figure, '', columns=4)
    return figure
