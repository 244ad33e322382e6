"""Annotation files: which videos there are and which class each one shows."""

import re
from os import PathLike

from ga2mm.datasets.text_file import read_lines

_LABEL = re.compile(r'-?[0-9]+')


def read_annotation(path: str | PathLike, num_classes: int | None = None) -> list[tuple[str, int]]:
    """Read ``path label`` lines, as MMAction2 and the published few-shot lists write them.

    A line is split at its last white space, so that paths may contain spaces. One comma right behind
    the path is dropped: some published Kinetics lists have ``path, label``. Blank lines are skipped.

    Args:
        path: The annotation file, UTF-8.
        num_classes: If given, labels must be smaller.

    Returns:
        Pairs of (path as written, label), in the order of the file, at least one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A row is broken (the line names file and row), or there is no sample at all.
    """
    samples = []
    for row, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        where = f'{path}, row {row}'
        video, label = _split_at_last_space(line)
        if not video:
            raise ValueError(f"{where}: no label in '{line}'; write 'path label'")
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{where}: label '{label}' is no integer; write 'path label'")
        if int(label) < 0:
            raise ValueError(f'{where}: label {label} is negative; labels count from 0')
        if num_classes is not None and int(label) >= num_classes:
            raise ValueError(
                f'{where}: label {label} is outside the label map, whose {num_classes} classes have '
                f'the labels 0 to {num_classes - 1}; use the label map that belongs to this list'
            )
        samples.append((video, int(label)))
    _check_not_empty(samples, path)
    return samples


def read_video_list(path: str | PathLike) -> list[str]:
    """Read the paths of a file of ``path`` or ``path label`` lines; the labels are ignored.

    Design choice: an integer behind the last white space of a line is its label. The path of a
    video whose name itself ends so (``clip 3``) therefore needs a label behind it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A row is not UTF-8, or there is no path at all.
    """
    videos = []
    for line in filter(None, read_lines(path)):
        video, label = _split_at_last_space(line)
        videos.append(video if video and _LABEL.fullmatch(label) else line)
    _check_not_empty(videos, path)
    return videos


def _split_at_last_space(line: str) -> tuple[str, str]:
    """(path, label); the path is empty where there is nothing to split."""
    path, label = ('', *line.rsplit(maxsplit=1))[-2:]
    return path.removesuffix(',').rstrip(), label


def _check_not_empty(samples: list, path: str | PathLike) -> None:
    if not samples:
        raise ValueError(f"{path}: no sample in this file; write one 'path label' line per video")
