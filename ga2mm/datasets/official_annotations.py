"""Readers that convert the datasets' official annotation files to one format."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ga2mm.datasets.annotation import read_annotation
from ga2mm.datasets.label_map import check_class_names, read_label_map
from ga2mm.datasets.text_file import csv_fields, quoted, read_json, read_lines

KINETICS_FILE_NAME = '{youtube_id}_{time_start:06d}_{time_end:06d}.mp4'
"""File name of a Kinetics clip in the usual download scripts; times are in seconds."""


@dataclass(frozen=True)
class OfficialVideo:
    """Video of an official list.

    Args:
        name: Name in the dataset, independent of the file name on disk.
        path: Path relative to the folder of the videos.
        class_name: Name of its class.
        source: The recording it was cut from; clips of one source look alike.
    """

    name: str
    path: str
    class_name: str
    source: str


@dataclass(frozen=True)
class OfficialAnnotations:
    """Classes in the order of their labels, and the videos of an official training and test list.

    Raises:
        ValueError: A class has no training video, class names are invalid, or two videos share a file.
    """

    classes: tuple[str, ...]
    train: tuple[OfficialVideo, ...]
    test: tuple[OfficialVideo, ...]

    def __post_init__(self) -> None:
        check_class_names(self.classes, [f'class {i} of the annotations' for i in range(len(self.classes))])
        seen: dict[str, OfficialVideo] = {}
        for video in (*self.train, *self.test):
            if video.path in seen:
                raise ValueError(
                    f"the annotations list the file '{video.path}' twice, in the classes "
                    f"'{seen[video.path].class_name}' and '{video.class_name}'; list each file once"
                )
            seen[video.path] = video
        trained = {video.class_name for video in self.train}
        for name in self.classes:
            if name not in trained:
                raise ValueError(f"class '{name}' has no training video in the annotations")


def read_ucf101(
    folder: str | PathLike, split: int = 1, file_name: str = '{video}', split_camel_case: bool = False
) -> OfficialAnnotations:
    """Read UCF101's ``classInd.txt``, ``trainlist0N.txt`` and ``testlist0N.txt``.

    The source of a video is its group, such as ``v_Archery_g08``.

    Args:
        folder: The unpacked ``ucfTrainTestlist``.
        split: The official split, 1 to 3.
        file_name: The listed path; ``{label}`` is the official class name, ``{video}`` the file.
        split_camel_case: Write ``Apply Eye Makeup`` for ``ApplyEyeMakeup``.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A row is invalid (the message names file and row).
    """
    folder = Path(folder)
    numbers = {name: str(i) for i, name in enumerate(read_label_map(folder / 'classInd.txt'), start=1)}
    names = {n: re.sub('(?<=[a-z])(?=[A-Z])', ' ', n) if split_camel_case else n for n in numbers}
    videos: dict[str, list[OfficialVideo]] = {}
    for part in ('train', 'test'):
        path = folder / f'{part}list{split:02d}.txt'
        videos[part] = []
        for row, line in enumerate(read_lines(path), start=1):
            if not line:
                continue
            label, _, video = line.split()[0].rpartition('/')
            if label not in names:
                raise ValueError(
                    f"{path}, row {row}: {quoted(line)} is not 'CLASS/VIDEO' of a class in classInd.txt"
                )
            if line.split()[1:] not in ([], [numbers[label]]):
                raise ValueError(
                    f"{path}, row {row}: {quoted(line)}, but '{label}' is class {numbers[label]} in "
                    'classInd.txt'
                )
            videos[part].append(
                OfficialVideo(
                    name=video,
                    path=_file_name(file_name, label=label, video=video),
                    class_name=names[label],
                    source=re.sub(r'_c\d+\.\w+$', '', video),
                )
            )
    return OfficialAnnotations(tuple(names.values()), tuple(videos['train']), tuple(videos['test']))


def read_hmdb51(folder: str | PathLike, split: int = 1, file_name: str = '{video}') -> OfficialAnnotations:
    """Read HMDB51's ``CLASS_test_splitN.txt`` files: 1 is training, 2 is test, 0 is neither.

    Labels follow the order of the names on disk, ``climb`` before ``climb_stairs``. Class names have spaces
    instead of underscores. The source of a video is its name without the tags of camera and quality.

    Args:
        folder: The unpacked ``testTrainMulti_7030_splits``.
        split: The official split, 1 to 3.
        file_name: The listed path; ``{label}`` is the official class name, ``{video}`` the file.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: A row is invalid (the message names file and row).
    """
    suffix = f'_test_split{split}.txt'
    names_on_disk = [name for name in os.listdir(folder) if name.endswith(suffix) and name[0] != '.']
    labels = sorted(name.removesuffix(suffix) for name in names_on_disk)
    if not labels:
        raise FileNotFoundError(f'{folder}: no file is named CLASS{suffix}')
    videos: dict[str, list[OfficialVideo]] = {'0': [], '1': [], '2': []}
    for label in labels:
        path = Path(folder) / f'{label}{suffix}'
        for row, line in enumerate(read_lines(path), start=1):
            if not line:
                continue
            video, part = ('', *line.rsplit(maxsplit=1))[-2:]
            if not video or part not in videos:
                raise ValueError(
                    f"{path}, row {row}: {quoted(line)} is not 'VIDEO 0', 'VIDEO 1' or 'VIDEO 2'"
                )
            videos[part].append(
                OfficialVideo(
                    name=video,
                    path=_file_name(file_name, label=label, video=video),
                    class_name=label.replace('_', ' '),
                    source=re.sub(r'(_[a-z]+_[a-z]{2}_np\d+_[a-z]{2}_[a-z]+_\d+)?\.\w+$', '', video),
                )
            )
    names = tuple(label.replace('_', ' ') for label in labels)
    return OfficialAnnotations(names, tuple(videos['1']), tuple(videos['2']))


def read_ssv2(folder: str | PathLike, file_name: str = '{id}.webm') -> OfficialAnnotations:
    """Read Something-Something v2's ``labels.json``, ``train.json`` and ``validation.json``.

    The files may also have their earlier names, ``something-something-v2-labels.json`` and so on. The class
    of a video is its template without brackets. The dataset does not publish who filmed a video, so each
    video is its own source.

    Args:
        folder: The folder of the files.
        file_name: The listed path; ``{id}`` is the number of the video.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file is invalid (the message names it).
    """
    path, labels = _read_ssv2_file(folder, 'labels')
    try:
        names = tuple(sorted(labels, key=lambda name: int(labels[name])))
        if [int(labels[name]) for name in names] != list(range(len(names))):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(f'{path}: the labels of the {len(labels)} classes are not 0, 1, 2, ...') from None
    known = set(names)
    videos: dict[str, list[OfficialVideo]] = {}
    for part in ('train', 'validation'):
        path, entries = _read_ssv2_file(folder, part)
        videos[part] = []
        for number, entry in enumerate(entries):
            try:
                video, name = str(entry['id']), re.sub(r'[\[\]]', '', entry['template'])
            except (KeyError, TypeError):
                raise ValueError(f"{path}, entry {number}: 'id' or 'template' is missing") from None
            if name not in known:
                raise ValueError(f'{path}, entry {number}: {quoted(name)} is not a class of the labels file')
            videos[part].append(OfficialVideo(video, _file_name(file_name, id=video), name, video))
    return OfficialAnnotations(names, tuple(videos['train']), tuple(videos['validation']))


def read_kinetics(folder: str | PathLike, file_name: str = KINETICS_FILE_NAME) -> OfficialAnnotations:
    """Read ``train.csv`` and ``val.csv`` of Kinetics-400 or Kinetics-600; ``val.csv`` is the test list.

    The columns used are ``label``, ``youtube_id``, ``time_start`` and ``time_end`` (seconds). Labels are in
    alphabetical order. The source of a video is its YouTube id.

    Args:
        folder: The folder of the files.
        file_name: The listed path, a format string of the columns.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A row is invalid (the message names file and row).
    """
    videos: dict[str, list[OfficialVideo]] = {}
    for part in ('train', 'val'):
        path = Path(folder) / f'{part}.csv'
        header, *lines = read_lines(path) or ['']
        columns_of = csv_fields(header, f'{path}, row 1')
        videos[part] = []
        for row, line in enumerate(lines, start=2):
            if not line:
                continue
            entry = dict(zip(columns_of, csv_fields(line, f'{path}, row {row}'), strict=False))
            try:
                columns = dict(
                    label=entry['label'],
                    youtube_id=entry['youtube_id'],
                    time_start=int(float(entry['time_start'])),
                    time_end=int(float(entry['time_end'])),
                )
                if not columns['label'] or not columns['youtube_id']:
                    raise ValueError
            except (KeyError, OverflowError, ValueError):
                raise ValueError(
                    f'{path}, row {row}: a row needs the columns label, youtube_id, time_start and time_end'
                ) from None
            video = KINETICS_FILE_NAME.format(**columns)
            listed = _file_name(file_name, **columns)
            videos[part].append(OfficialVideo(video, listed, columns['label'], columns['youtube_id']))
    names = tuple(sorted({video.class_name for video in videos['train']}))
    _check_classes(videos['val'], names, Path(folder) / 'val.csv')
    return OfficialAnnotations(names, tuple(videos['train']), tuple(videos['val']))


def read_lists(train: str | PathLike, test: str | PathLike, label_map: str | PathLike) -> OfficialAnnotations:
    """Read a training and a test list of ``path label`` lines and their label map.

    Each video is its own source.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A row is invalid (the message names file and row).
    """
    names = read_label_map(label_map)
    train_videos, test_videos = (
        tuple(
            OfficialVideo(path, path, names[label], path)
            for path, label in read_annotation(ann_file, num_classes=len(names))
        )
        for ann_file in (train, test)
    )
    return OfficialAnnotations(names, train_videos, test_videos)


def _read_ssv2_file(folder: str | PathLike, part: str) -> tuple[Path, Any]:
    """Give the path and content of a file of Something-Something v2, under either of its names."""
    names = (f'{part}.json', f'something-something-v2-{part}.json')
    path = next((Path(folder) / name for name in names if (Path(folder) / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f'{folder}: there is neither {names[0]} nor {names[1]}')
    kind = dict if part == 'labels' else list
    content = read_json(path, 'give the file that the dataset publishes')
    if not isinstance(content, kind):
        raise ValueError(f'{path}: it does not hold an {"object" if kind is dict else "array"}')
    return path, content


def _file_name(pattern: str, **columns: Any) -> str:
    try:
        return pattern.format(**columns)
    except (AttributeError, KeyError, IndexError, ValueError):
        fields = ', '.join(f'{{{name}}}' for name in columns)
        raise ValueError(f"file name '{pattern}': use only the fields {fields}") from None


def _check_classes(videos: Iterable[OfficialVideo], names: tuple[str, ...], path: Path) -> None:
    unknown = sorted({video.class_name for video in videos} - set(names))
    if unknown:
        raise ValueError(f"{path}: class '{unknown[0]}' is not in the training list")
