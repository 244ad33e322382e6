"""t-SNE plots of video features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ga2mm.visualization.style import colour_and_marker, shorten

MAX_CLASSES_IN_LEGEND = 12
MIN_VIDEOS = 5
PERPLEXITY = 30.0


CAPTION = (
    'A point is a test video, colour and marker are its class; on the left before tuning, on the right '
    'after it. Classes whose points form a group of their own are easy to tell apart. Distances between '
    'groups mean nothing.'
)


@dataclass(frozen=True)
class VideoSet:
    """Videos of a test set as points in the plane, for each model.

    Args:
        title: Name of the test set.
        class_names: Names in the order of the labels.
        labels: Label of each video (videos,).
        points: By model, the points of the videos (videos, 2).
    """

    title: str
    class_names: Sequence[str]
    labels: np.ndarray
    points: Mapping[str, np.ndarray]


def tsne(features: np.ndarray, seed: int) -> np.ndarray:
    """Embed features (videos, channels) as points (videos, 2) by t-SNE with cosine distances.

    Design choice: perplexity 30, or a third of the number of videos if that is less.

    Raises:
        ValueError: There are fewer than 5 videos.
    """
    from sklearn.manifold import TSNE

    if len(features) < MIN_VIDEOS:
        raise ValueError(
            f't-SNE needs {MIN_VIDEOS} videos or more, not {len(features)}: use more of each class'
        )
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    return TSNE(metric='cosine', init='pca', perplexity=perplexity, random_state=seed).fit_transform(features)


def tsne_figure(sets: Sequence[VideoSet], title: str) -> Figure:
    """Draw the points of videos, coloured by class: test sets in rows, models in columns.

    A legend next to each row names up to 12 classes.

    Args:
        sets: The test sets; all have the same models.
        title: Title of the figure.

    Raises:
        ValueError: There are no test sets.
    """
    if not sets:
        raise ValueError('there is no test set to draw')
    models = list(sets[0].points)
    figure = Figure(figsize=(8, 0.8 + 3.2 * len(sets)), layout='constrained')
    grid = figure.subplots(len(sets), len(models), squeeze=False)
    for row, videos in zip(grid, sets, strict=True):
        for axes, model in zip(row, models, strict=True):
            _scatter(axes, videos, videos.points[model])
        row[0].set_ylabel(videos.title)
        if len(videos.class_names) <= MAX_CLASSES_IN_LEGEND:
            row[-1].legend(
                loc='center left',
                bbox_to_anchor=(1, 0.5),
                fontsize=8,
                frameon=False,
                handletextpad=0.1,
            )
    for axes, model in zip(grid[0], models, strict=True):
        axes.set_title(model, fontsize=10)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(
        'A point is a test video, its colour and marker are its class. Near points have similar features\n'
        '(t-SNE); the axes have no unit, and distances cannot be compared between panels.',
        fontsize=8,
        color='0.3',
    )
    return figure


def _scatter(axes: Axes, videos: VideoSet, points: np.ndarray) -> None:
    """Draw the points, one collection for each class."""
    for label, name in enumerate(videos.class_names):
        colour, marker = colour_and_marker(label)
        x, y = points[videos.labels == label].T
        axes.scatter(x, y, s=14, color=colour, marker=marker, linewidths=0, alpha=0.8, label=shorten(name))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color('0.8')
