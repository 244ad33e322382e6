"""Confusion matrices of tests."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ga2mm.visualization.style import COLOURS, bare, shorten

UNREADABLE = -1
MAX_CLASSES_WITH_NUMBERS = 15
MAX_CLASSES_WITH_NAMES = 60
LISTED_PAIRS = 15


def count_confusion(confusion: Iterable[Sequence[int]], num_classes: int) -> np.ndarray:
    """Build a confusion matrix.

    Args:
        confusion: Triples of label, predicted label (-1 for an unreadable video) and number of videos.
        num_classes: Number of classes.

    Returns:
        Counts (classes, classes + 1), true classes in rows; the last column counts the unreadable videos.

    Raises:
        ValueError: An element is not a triple, a label is out of range, or there are no videos.
    """
    counts = np.zeros((num_classes, num_classes + 1), dtype=int)
    for number, triple in enumerate(confusion):
        if not _is_triple(triple, num_classes):
            raise ValueError(
                f'confusion[{number}] is {triple!r}: write [label, predicted, count] with labels from 0 to '
                f'{num_classes - 1}, -1 as the prediction for an unreadable video, and a count above 0'
            )
        label, predicted, count = triple
        counts[label, predicted] += count  # the index -1 is the last column
    if not counts.any():
        raise ValueError('confusion is empty: there is no video to draw')
    return counts


def confusion_figure(class_names: Sequence[str], counts: np.ndarray, title: str) -> Figure:
    """Draw a confusion matrix in per cent of the videos of each true class.

    The axes show the names of up to 60 classes. For more classes, the most confused pairs are listed below.
    A class without videos has a grey row. Unreadable videos, if any, have a separate column.

    Args:
        class_names: Names in the order of the labels.
        counts: From :func:`count_confusion`.
        title: Title, to which accuracy and number of videos are appended.
    """
    percent = to_percent(counts)
    if len(class_names) <= MAX_CLASSES_WITH_NAMES:
        side = float(np.clip(3.4 + 0.12 * len(class_names), 4.8, 8))
        figure = Figure(figsize=(side, 0.92 * side), layout='constrained')
        axes = figure.subplots()
    else:
        figure = Figure(figsize=(7.5, 9), layout='constrained')
        above, below = figure.subfigures(2, 1, height_ratios=[5.5, 3.5])
        axes = above.subplots()
        _list_pairs(below.subplots(), class_names, percent)
        below.suptitle('Confused most: true class → predicted class', fontsize=10)
    _draw_matrix(axes, class_names, percent if counts[:, UNREADABLE].any() else percent[:, :-1])
    videos = counts.sum()
    accuracy = 100 * np.trace(counts) / videos
    axes.set_title(f'{title}: {accuracy:.1f} % of {videos} videos right', fontsize=10)
    return figure


def confusion_caption(class_names: Sequence[str], counts: np.ndarray) -> str:
    """Say how to read the matrix, and which two classes are confused most."""
    said = 'A row is a true class, a column an answer; right answers are on the diagonal.'
    wrong = np.nan_to_num(to_percent(counts)[:, :-1])
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return f'{said} No clip is taken for another class.'
    true, other = np.unravel_index(wrong.argmax(), wrong.shape)
    return (
        f'{said} The most frequent mistake: {class_names[true]} is taken for {class_names[other]} in '
        f'{counts[true, other]} of {counts[true].sum()} clips.'
    )


def to_percent(counts: np.ndarray) -> np.ndarray:
    """Convert counts to per cent of their row (NaN without videos); the diagonal is the class accuracy."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(100 * counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def _is_triple(triple: Sequence[int], num_classes: int) -> bool:
    if not isinstance(triple, list | tuple) or [type(value) for value in triple] != [int] * 3:
        return False
    label, predicted, count = triple
    return 0 <= label < num_classes and UNREADABLE <= predicted < num_classes and count > 0


def _draw_matrix(axes: Axes, class_names: Sequence[str], percent: np.ndarray) -> None:
    """Draw the matrix with class names, and with numbers if there is room for them."""
    norm = PowerNorm(0.5, vmin=0, vmax=100)  # rare confusions would be white on a linear scale
    image = axes.imshow(percent, cmap='Blues', norm=norm, interpolation='nearest')
    axes.set_facecolor('0.85')
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.7, pad=0.02, ticks=[0, 1, 5, 10, 25, 50, 75, 100])
    bar.set_label('% of the videos of the true class', fontsize=9)
    bar.outline.set_visible(False)
    axes.set_xlabel('predicted class')
    axes.set_ylabel('true class')
    axes.spines[:].set_color('0.8')
    if len(class_names) > MAX_CLASSES_WITH_NAMES:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    names = [shorten(name) for name in (*class_names, 'unreadable')]
    size = float(np.clip(260 / len(class_names), 5.5, 9))
    axes.set_xticks(range(percent.shape[1]), names[: percent.shape[1]], rotation=90, fontsize=size)
    axes.set_yticks(range(percent.shape[0]), names[: percent.shape[0]], fontsize=size)
    if len(class_names) <= MAX_CLASSES_WITH_NUMBERS:
        for (row, column), value in np.ndenumerate(percent):
            if value >= 0.5:
                colour = 'white' if value > 35 else 'black'
                axes.text(column, row, f'{value:.0f}', ha='center', va='center', fontsize=9, color=colour)


def _list_pairs(axes: Axes, class_names: Sequence[str], percent: np.ndarray) -> None:
    """Draw bars of the most confused pairs of classes, the worst on top."""
    wrong = np.nan_to_num(percent[:, :-1])
    np.fill_diagonal(wrong, 0)
    worst = np.argsort(-wrong, axis=None, kind='stable')[:LISTED_PAIRS]
    pairs = [divmod(index, len(wrong)) for index in worst if wrong.flat[index] > 0]
    values = [wrong[pair] for pair in pairs]
    bars = axes.barh(range(len(pairs)), values, color=COLOURS[0])
    axes.bar_label(bars, fmt='%.0f', fontsize=8, padding=2)
    names = [f'{shorten(class_names[true])} → {shorten(class_names[other])}' for true, other in pairs]
    axes.set_yticks(range(len(pairs)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel('% of its videos', fontsize=9)
    bare(axes)
