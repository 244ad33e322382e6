"""Readers of annotation files, which list videos and their labels."""

import re
from os import PathLike

from ga2mm.datasets.text_file import quoted, read_lines

_LABEL = re.compile(r'-?[0-9]{1,9}')
_SECOND_NUMBER = re.compile(r'.*\.[^\W\d]\w{1,4}[\s,;]+-?[0-9]+')
_COLUMN_NAMES = {
    'class',
    'file',
    'filename',
    'id',
    'label',
    'name',
    'path',
    'video',
    'video_id',
    'video_path',
}


def read_annotation(path: str | PathLike, num_classes: int | None = None) -> list[tuple[str, int]]:
    """Read ``path label`` lines, the format of MMAction2 and of published few-shot lists.

    Each line is split at its last white space, so paths may contain spaces. A comma directly after the
    path is dropped because some published Kinetics lists have ``path, label``. Blank lines are skipped.

    Args:
        path: The annotation file, UTF-8.
        num_classes: If given, labels must be smaller and must not appear to count from 1.

    Returns:
        A non-empty list of pairs (path as written, label) in file order.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: A row is invalid (the message names file and row), the file has no sample, or labels
            count from 1, that is, they are 1 to some number without a gap.
    """
    samples = []
    outside = None
    for row, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        where = f'{path}, row {row}'
        video, label = _split_at_last_space(line)
        if not video:
            raise ValueError(f"{where}: no label in {quoted(line)}; write 'path label'")
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{where}: label {quoted(label)} is not an integer; write 'path label'")
        if int(label) < 0:
            raise ValueError(f'{where}: label {label} is negative; labels count from 0')
        _check_path(video, where, row)
        if num_classes is not None and int(label) >= num_classes:
            outside = (
                outside or f'{where}: label {label} is outside the label map, whose {num_classes} classes'
            )
        samples.append((video, int(label)))
    _check_not_empty(samples, path)
    if num_classes is not None:
        _check_count_from_zero({label for _, label in samples}, num_classes, path)
    if outside:
        raise ValueError(
            f'{outside} have the labels 0 to {num_classes - 1}; use the label map that belongs to this list'
        )
    return samples


def read_video_list(path: str | PathLike) -> list[str]:
    """Read the paths of ``path`` or ``path label`` lines and ignore the labels.

    Design choice: an integer after the last white space of a line is its label. A path that itself ends
    in a space and an integer (``clip 3``) therefore needs a label after it.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: A row is invalid (the message names file and row), or the file has no path.
    """
    videos = []
    for row, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        video, label = _split_at_last_space(line)
        videos.append(video if video and _LABEL.fullmatch(label) else line)
        _check_path(videos[-1], f'{path}, row {row}', row)
    _check_not_empty(videos, path)
    return videos


def _split_at_last_space(line: str) -> tuple[str, str]:
    """Split a line into (path, label); the path is empty if the line has no white space."""
    path, label = ('', *line.rsplit(maxsplit=1))[-2:]
    return path.removesuffix(',').rstrip(), label


def _check_path(video: str, where: str, row: int) -> None:
    """Reject paths that can only come from a row of another format."""
    if video[0] in '"\'{}[' and (len(video) < 3 or video.rstrip(',:')[-1] in '"\'}]{'):
        raise ValueError(
            f"{where}: {quoted(video)} is not a path; write 'path label', without quotes or brackets"
        )
    if video.startswith('# '):
        raise ValueError(f'{where}: {quoted(video)} is a comment, which a list cannot have; remove the row')
    if _SECOND_NUMBER.fullmatch(video):
        raise ValueError(f"{where}: more than one label in {quoted(video)} ...; write 'path label'")
    if row == 1 and set(re.split(r'[\s,;]+', video.lower())) <= _COLUMN_NAMES:
        raise ValueError(f'{where}: {quoted(video)} is a header, which a list cannot have; remove the row')


def _check_count_from_zero(labels: set[int], num_classes: int, path: str | PathLike) -> None:
    """Reject labels that are 1 to some number without a gap, even if they fit a longer label map.

    Design choice: a list that lacks only class 0 looks the same as a list that counts from 1.
    """
    last = max(labels)
    by_chance = labels == set(range(1, last + 1)) and 1 < last < num_classes
    if by_chance or (last == num_classes and min(labels) == 1):
        remedy = ', or remove class 0 from the label map if it has no video' if by_chance else ''
        raise ValueError(
            f'{path}: labels are off by one: the highest is {last} and none is 0; count them from 0 to '
            f'{last - 1}{remedy} (the label map has {num_classes} classes)'
        )


def _check_not_empty(samples: list, path: str | PathLike) -> None:
    if not samples:
        raise ValueError(f"{path}: no sample in this file; write one 'path label' line per video")
