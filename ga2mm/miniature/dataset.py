"""Write the miniature world to disk as videos, annotation files and label tables.

::

    ROOT/STYLE/draw0/       videos/*.mkv  base_train.txt  base_val.txt  base_test.txt  novel_test.txt
                            all_train.txt  all_test.txt  base_train_4.txt ...  manifest.json
                            base_labels.csv  novel_labels.csv  all_labels.csv
    ROOT/STYLE/source/      videos/*.mkv  train.txt  test.txt  labels.csv  manifest.json
    ROOT/STYLE/irrelevant/  videos/*.mkv  videos.txt  manifest.json
    ROOT/STYLE/irrelevant_test/  the same, other videos

An annotation line is ``NAME.mkv LABEL``, with the name relative to ``videos``; the label of all
irrelevant videos is 0. A label table is a CSV file with the header ``id,name``. Novel labels start at 0 in
``novel_labels.csv`` and follow the base labels in ``all_labels.csv``. ``base_train_4.txt`` lists the first
4 clips of each class of ``base_train.txt``, and so on for :data:`SHOTS`.

A video has 8 frames of 32 x 32 pixels in FFV1, a lossless codec, of about 20 KB. PyAV decodes exactly the
rendered pixels. MPEG-4 would blur shapes of ten pixels at this size.

The arguments alone determine the content of a folder. ``manifest.json`` is written last and lists every
file with its size: a folder is kept if manifest and files agree with the arguments, and is otherwise
written again.

The functions ``generate_...`` write below the folder ``root``, in a style of ``world.STYLES``. They raise a
ValueError for an unknown style, a bad draw or a count below 1, and a RuntimeError if OpenCV cannot write.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ga2mm.datasets.manifest import MANIFEST
from ga2mm.miniature import world
from ga2mm.utils import write_text

GENERATOR_VERSION = 3
"""Increase it whenever the files of the same arguments change."""

SHOTS = (2, 4, 8, 16)
"""Numbers of clips per class for which training lists are written."""

FRAME_RATE = 8
CODEC, SUFFIX = 'FFV1', '.mkv'
_CHUNK = 64  # videos per rendering batch


def write_video(path: Path, frames: np.ndarray) -> None:
    """Write one lossless video, a ``.mkv`` file of uint8 RGB frames (T, H, W, 3), atomically.

    Raises:
        RuntimeError: OpenCV has no FFV1 encoder, or the folder cannot be written.
    """
    height, width = frames.shape[1:3]
    partial = path.with_name(f'.partial-{os.getpid()}-{path.name}')
    writer = cv2.VideoWriter(
        str(partial), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*CODEC), FRAME_RATE, (width, height)
    )
    if not writer.isOpened():
        raise RuntimeError(
            f'OpenCV cannot write {CODEC} to {path.parent}: is the folder writable, '
            'and is opencv-python from PyPI (with FFmpeg) installed?'
        )
    try:
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        writer.release()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Split:
    """Videos of one annotation file."""

    name: str
    scenes: world.Scenes
    labels: np.ndarray
    rng: np.random.Generator


def _rng(style: str, kind: int, number: int, split: int) -> np.random.Generator:
    """Make an independent random generator for a split, so that no split's size affects another split."""
    index = list(world.STYLES).index(style)
    versions = (GENERATOR_VERSION, world.WORLD_VERSION)
    return np.random.default_rng([*versions, index, kind, number, split])


def _class_split(name, classes, per_class, rng) -> _Split:
    scenes, labels = world.class_scenes(classes, per_class, rng)
    return _Split(name, scenes, labels, rng)


def _label_table(classes: tuple[world.ClassSpec, ...]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator='\n')
    writer.writerow(['id', 'name'])
    writer.writerows((index, item.name) for index, item in enumerate(classes))
    return table.getvalue()


def _is_complete(folder: Path, parameters: dict) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding='utf-8'))
        return manifest['parameters'] == parameters and all(
            (folder / name).stat().st_size == size for name, size in manifest['files'].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


@dataclass(frozen=True)
class _List:
    """A further annotation file, made of videos of the splits.

    Args:
        parts: Names of splits, and the offset of their labels.
        shots: Number of videos of each class, the first ones; None for all.
    """

    parts: dict[str, int]
    shots: int | None = None

    def samples(self, by_split: dict[str, list[tuple[str, int]]]) -> list[tuple[str, int]]:
        found = []
        for split, offset in self.parts.items():
            taken: Counter[int] = Counter()
            for name, label in by_split[split]:
                if self.shots is None or taken[label] < self.shots:
                    taken[label] += 1
                    found.append((name, label + offset))
        return found


def _write_folder(
    folder: Path,
    parameters: dict,
    splits: list[_Split],
    tables: dict[str, str],
    lists: dict[str, _List] | None = None,
) -> Path:
    """Write one folder unless it is complete already; see the module's docstring."""
    style = world.get_style(parameters['style'])
    parameters = {
        'generator_version': GENERATOR_VERSION,
        'world_version': world.WORLD_VERSION,
        'settings': repr(style),
        'attribute_probability': world.ATTRIBUTE_PROBABILITY,
        **parameters,
    }
    if _is_complete(folder, parameters):
        return folder
    videos = folder / 'videos'
    videos.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)

    names = []
    samples: dict[str, list[tuple[str, int]]] = {}
    with tqdm(total=sum(len(s.scenes) for s in splits), desc=f'write {folder.name}', disable=None) as bar:
        for split in splits:
            samples[split.name] = []
            for first in range(0, len(split.scenes), _CHUNK):
                part = split.scenes[first : first + _CHUNK]
                frames = world.render(part, style, world.video_times(len(part)), split.rng)
                for offset, clip in enumerate(frames):
                    name = f'{split.name}_{first + offset:04d}{SUFFIX}'
                    write_video(videos / name, clip)
                    samples[split.name].append((name, int(split.labels[first + offset])))
                    names.append(f'videos/{name}')
                    bar.update()
    samples.update({name: each.samples(samples) for name, each in (lists or {}).items()})
    for name, labelled in samples.items():
        write_text(folder / f'{name}.txt', ''.join(f'{video} {label}\n' for video, label in labelled))
        names.append(f'{name}.txt')
    for name, table in tables.items():
        write_text(folder / name, table)
        names.append(name)
    for path in videos.glob(f'[!.]*{SUFFIX}'):  # left by an earlier generation with more videos
        if f'videos/{path.name}' not in names:
            path.unlink()
    manifest = {
        'parameters': parameters,
        'files': {name: (folder / name).stat().st_size for name in names},
    }
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1))
    return folder


def _at_least_one(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f'{name} must be at least 1, not {count}')


def generate_source(root: str | Path, style: str = 'mild', shots: int = 16, test_videos: int = 10) -> Path:
    """Write the source dataset for learning a hard prompt: 20 classes that are in no draw.

    Args:
        root, style: Folder of the world, and its style.
        shots, test_videos: Training and test videos per class.

    Returns:
        The folder ``root/style/source``.
    """
    world.get_style(style)
    _at_least_one(shots=shots, test_videos=test_videos)
    classes = world.source_classes()
    splits = [
        _class_split('train', classes, shots, _rng(style, 1, 0, 0)),
        _class_split('test', classes, test_videos, _rng(style, 1, 0, 1)),
    ]
    parameters = dict(kind='source', style=style, shots=shots, test_videos=test_videos)
    tables = {'labels.csv': _label_table(classes)}
    return _write_folder(Path(root) / style / 'source', parameters, splits, tables)


def generate_irrelevant(root: str | Path, style: str = 'mild', videos: int = 64, test: bool = False) -> Path:
    """Write a pool of irrelevant videos: reserved shapes with any action, a fifth without an object.

    The test pool has a separate folder and random stream, so that it never contains training anchors.

    Args:
        root, style: Folder of the world, and its style.
        videos: Number of videos.
        test: Whether to write the test pool instead of the training anchors.

    Returns:
        The folder ``root/style/irrelevant``, or ``root/style/irrelevant_test``.
    """
    world.get_style(style)
    _at_least_one(videos=videos)
    name = 'irrelevant_test' if test else 'irrelevant'
    rng = _rng(style, 2, 0, int(test))
    scenes = world.random_scenes(world.RESERVED_SHAPES, videos, rng, empty=0.2)
    splits = [_Split('videos', scenes, np.zeros(videos, int), rng)]
    parameters = dict(kind=name, style=style, videos=videos)
    return _write_folder(Path(root) / style / name, parameters, splits, {})


def generate_draw(
    root: str | Path,
    draw: int,
    style: str = 'mild',
    shots: int = 16,
    test_videos: int = 40,
    val_videos: int = 10,
) -> Path:
    """Write one draw of 12 base and 12 novel classes, see :func:`world.class_draw`.

    Args:
        root, style: Folder of the world, and its style.
        draw: Number of the draw, from 0.
        shots: Training videos per class; those of novel classes are for few-shot tuning on all classes.
        test_videos, val_videos: Test videos per class, and validation videos per base class.

    Returns:
        The folder ``root/style/draw<k>``.
    """
    world.get_style(style)
    _at_least_one(shots=shots, test_videos=test_videos, val_videos=val_videos)
    classes = world.class_draw(draw)
    counts = dict(shots=shots, test_videos=test_videos, val_videos=val_videos)
    contents = (
        ('base_train', classes.base, shots),
        ('base_val', classes.base, val_videos),
        ('base_test', classes.base, test_videos),
        ('novel_test', classes.novel, test_videos),
        ('novel_train', classes.novel, shots),  # for few-shot tuning on all classes
    )
    splits = [_class_split(*each, _rng(style, 3, draw, i)) for i, each in enumerate(contents)]
    parameters = dict(kind='draw', draw=int(draw), style=style, **counts)
    tables = {
        'base_labels.csv': _label_table(classes.base),
        'novel_labels.csv': _label_table(classes.novel),
        'all_labels.csv': _label_table(classes.base + classes.novel),
    }
    folder = Path(root) / style / f'draw{draw}'
    return _write_folder(folder, parameters, splits, tables, _draw_lists(len(classes.base), shots))


def _draw_lists(first_novel: int, shots: int) -> dict[str, _List]:
    """Define the further lists of a draw: lists of all classes, and lists of fewer shots."""
    train = {'base_train': 0, 'novel_train': first_novel}
    lists = {'all_train': _List(train), 'all_test': _List({'base_test': 0, 'novel_test': first_novel})}
    for some in SHOTS:
        if some <= shots:
            lists[f'base_train_{some}'] = _List({'base_train': 0}, some)
            lists[f'all_train_{some}'] = _List(train, some)
    return lists


def generate_all(root: str | Path, draws: Iterable[int] = (0,), style: str = 'mild') -> list[Path]:
    """Write the source dataset, both irrelevant pools and the draws with these numbers, in default sizes.

    Returns:
        The folders, source and irrelevant pools first.
    """
    return [
        generate_source(root, style),
        generate_irrelevant(root, style),
        generate_irrelevant(root, style, test=True),
        *(generate_draw(root, draw, style) for draw in draws),
    ]
