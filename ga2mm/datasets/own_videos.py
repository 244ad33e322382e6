"""Readers of a user's own videos: a folder of class folders, or a CSV file."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from torchvision.datasets.folder import IMG_EXTENSIONS

from ga2mm.datasets.folder import VIDEO_SUFFIXES, class_folders, files_below
from ga2mm.datasets.label_map import check_class_names
from ga2mm.datasets.recordings import recordings
from ga2mm.datasets.text_file import csv_fields, quoted, read_lines

COLUMNS = dict(
    path=('path', 'file', 'filename', 'video'),
    class_name=('class', 'label', 'class_name', 'action'),
    recording=('group', 'recording', 'source'),
)
"""Names of a CSV file's columns; the first that the header has counts."""

OTHER_FOLDERS = {'train', 'training', 'val', 'valid', 'validation', 'test', 'testing'}
"""Names of folders that hold class folders and are not classes themselves."""


@dataclass(frozen=True)
class OwnVideo:
    """A video or image with its class.

    Args:
        path: Path relative to the folder of the data set, or an absolute one.
        class_name: Name of its class.
        recording: The recording it was cut from; pieces of one recording look alike.
    """

    path: str
    class_name: str
    recording: str


@dataclass(frozen=True)
class OwnVideos:
    """The videos or images of a data set, and what lies there and is neither.

    Args:
        folder: The folder that paths are relative to.
        classes: Class names in alphabetical order.
        videos: The videos, ordered by class and path.
        are_images: Whether they are images.
        others: Files that are not used, since their suffix is of another kind.
    """

    folder: Path
    classes: tuple[str, ...]
    videos: tuple[OwnVideo, ...]
    are_images: bool
    others: tuple[str, ...] = field(default=())


def read_own_videos(source: str | PathLike, group_by: str | None = None) -> OwnVideos:
    """Read a folder of class folders, or a CSV file of paths and class names.

    The name of a folder is the name of its class, with spaces for underscores. A class folder may have
    folders; files of all containers may be mixed. Hidden files are skipped. If there are no videos but
    images, the images are the data set.

    A CSV file has a header with the columns ``path`` (relative to the file's folder), ``class`` or
    ``label``, and perhaps ``group``, the recording of the video.

    Args:
        source: The folder or the CSV file.
        group_by: A regular expression that tells recordings apart; see :func:`recordings`.

    Raises:
        OSError: The source or a folder in it is missing or cannot be read, or it has no class folder.
        ValueError: There is only one class, one without videos or with a single one, or two that differ
            only by case, spaces and punctuation; a row of the CSV file is wrong; or ``group_by`` is no
            regular expression.
    """
    source = Path(source)
    if source.is_dir():
        found = _read_folder(source, group_by)
    elif source.suffix.lower() == '.csv':
        found = _read_csv(source, group_by)
    elif source.exists():
        raise ValueError(f'{source}: give a folder of class folders, or a .csv file with path and class')
    else:
        raise FileNotFoundError(f'{source}: no such folder or file')
    check_enough(found, source)
    return found


def check_enough(own: OwnVideos, source: str | PathLike) -> None:
    """Raise a ValueError if there is only one class, or a class has fewer than two videos."""
    kind = 'image' if own.are_images else 'video'
    if not own.videos:
        raise ValueError(f'{source}: no {kind} in the folders of {len(own.classes)} classes')
    if len(own.classes) < 2:
        raise ValueError(f"{source}: '{own.classes[0]}' is the only class; there must be two or more")
    counts = Counter(video.class_name for video in own.videos)
    for name in own.classes:
        if counts[name] < 2:
            raise ValueError(
                f"{source}: class '{name}' has {counts[name]} {kind}{'' if counts[name] == 1 else 's'}; it "
                'needs two or more, one for training and one for the test'
            )


def class_name_of(folder: str) -> str:
    """Give the class name that the name of a folder stands for, with spaces for underscores."""
    return ' '.join(folder.replace('_', ' ').split())


def _read_folder(folder: Path, group_by: str | None) -> OwnVideos:
    try:
        folders = class_folders(folder)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{folder}: no folder of a class in it ({error})') from None
    if {name.lower() for name in folders} <= OTHER_FOLDERS:
        raise ValueError(
            f'{folder}: the folders {", ".join(folders)} are not classes; give one of them, or a .csv file'
        )
    names = check_class_names(list(map(class_name_of, folders)), [str(folder / name) for name in folders])
    everything = {
        name: [os.path.join(inner, file) for file in sorted(files_below(folder / inner, ('',), True))]
        for name, inner in zip(names, folders, strict=True)
    }
    files = [file for inside in everything.values() for file in inside]
    are_images = not _with_suffix(files, VIDEO_SUFFIXES) and bool(_with_suffix(files, IMG_EXTENSIONS))
    suffixes = IMG_EXTENSIONS if are_images else VIDEO_SUFFIXES
    chosen = {name: _with_suffix(inside, suffixes) for name, inside in everything.items()}
    of_recording = recordings(chosen, group_by)
    videos = [OwnVideo(path, name, of_recording[path]) for name, paths in chosen.items() for path in paths]
    used = set(of_recording)
    others = tuple(file for file in files if file not in used)
    return OwnVideos(folder, tuple(chosen), tuple(videos), are_images, others)


def _read_csv(path: Path, group_by: str | None) -> OwnVideos:
    header, *lines = read_lines(path) or ['']
    columns = _columns(csv_fields(header, f'{path}, row 1'), path)
    rows: dict[str, tuple[str, str]] = {}
    for row, line in enumerate(lines, start=2):
        if not line:
            continue
        fields = csv_fields(line, f'{path}, row {row}')
        if max(columns.values()) >= len(fields):
            raise ValueError(f'{path}, row {row}: {quoted(line)} has fewer fields than the header')
        video, name = fields[columns['path']], class_name_of(fields[columns['class_name']])
        if not video or not name:
            raise ValueError(f'{path}, row {row}: no path or no class in {quoted(line)}')
        if video in rows:
            raise ValueError(f'{path}, row {row}: {quoted(video)} is in an earlier row too')
        rows[video] = name, fields[columns['recording']] if 'recording' in columns else ''
    if not rows:
        raise ValueError(f'{path}: no video in this file; write a row for each, after the header')
    names = tuple(sorted({name for name, _ in rows.values()}))
    if all(name.isdigit() for name in names):
        raise ValueError(f'{path}: the classes are numbers; CLIP needs their names')
    check_class_names(names, [f'{path}, class {quoted(name)}' for name in names])
    by_class = {name: sorted(video for video in rows if rows[video][0] == name) for name in names}
    of_recording = recordings(by_class, group_by)
    if 'recording' in columns and group_by is None:
        of_recording = {video: group or video for video, (_, group) in rows.items()}
    videos = [OwnVideo(video, name, of_recording[video]) for name in names for video in by_class[name]]
    are_images = len(_with_suffix(list(rows), IMG_EXTENSIONS)) == len(rows)
    return OwnVideos(path.parent, names, tuple(videos), are_images)


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Give the number of each column that the header has."""
    lower = [name.lower() for name in header]
    found = {
        column: lower.index(next(name for name in names if name in lower))
        for column, names in COLUMNS.items()
        if any(name in lower for name in names)
    }
    for column in ('path', 'class_name'):
        if column not in found:
            raise ValueError(
                f'{path}, row 1: no column {COLUMNS[column][0]!r} in {quoted(",".join(header))}; the header '
                "is 'path,class' or 'path,class,group'"
            )
    return found


def _with_suffix(files: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    return [file for file in files if file.lower().endswith(tuple(suffixes))]
