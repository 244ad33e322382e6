"""Annotation files and label maps of a user's own videos, written together or not at all."""

import csv
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ga2mm.datasets.annotation import read_annotation
from ga2mm.datasets.own_videos import OwnVideo, OwnVideos
from ga2mm.datasets.video_split import VideoSplit


@dataclass(frozen=True)
class OwnLists:
    """The lists of a run.

    Args:
        videos: Folder that the listed paths are relative to.
        files: Annotation file, label map and split of ``train`` and of each test set: ``base`` and
            ``novel``, or ``all`` without novel classes.
        novel: Whether there are novel classes.
        train_videos: Number of training videos.
        are_images: Whether the files are images.
    """

    videos: Path
    files: dict[str, tuple[Path, Path, str]]
    novel: bool
    train_videos: int
    are_images: bool


def write_own_lists(own: OwnVideos, split: VideoSplit, folder: Path) -> OwnLists:
    """Write ``train.txt``, ``base.txt`` and so on, and the label maps, into a new folder.

    Raises:
        OSError: The folder exists or cannot be written.
        ValueError: A path cannot be in an annotation file.
    """
    base = 'base' if split.novel else 'all'
    lists = {'train': (split.train, split.base), base: (split.test, split.base)}
    if split.novel:
        lists['novel'] = (split.test, split.novel)
    if folder.exists():
        raise FileExistsError(f'{folder} exists; choose another folder by --out')
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f'.{folder.name}.'))
    try:
        for name, (videos, classes) in lists.items():
            _write_list(temporary / f'{name}.txt', videos, classes)
            if name != 'train':
                _write_label_map(temporary / f'{name}_labels.csv', classes)
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    folder = folder.resolve()
    files = {
        name: (
            folder / f'{name}.txt',
            folder / f'{base if name == "train" else name}_labels.csv',
            base if name == 'train' else name,
        )
        for name in lists
    }
    return OwnLists(own.folder.resolve(), files, bool(split.novel), len(split.train), own.are_images)


def _write_list(path: Path, videos: Sequence[OwnVideo], classes: Sequence[str]) -> None:
    label_of = {name: label for label, name in enumerate(classes)}
    rows = sorted(
        (label_of[video.class_name], video.path) for video in videos if video.class_name in label_of
    )
    lines = [f'{video} {label}\n' for label, video in rows]
    path.write_text(''.join(lines), encoding='utf-8', errors='surrogateescape')
    written = [(video, label) for label, video in rows]
    try:
        read = read_annotation(path)
    except ValueError as error:
        raise ValueError(f'a name that lists cannot have: {str(error).partition(": ")[2]}') from None
    for (video, label), found in zip(written, read, strict=False):
        if (video, label) != found:
            raise ValueError(f'{video!r}: rename this file, its name cannot be in a list of lines')


def _write_label_map(path: Path, classes: Sequence[str]) -> None:
    with path.open('w', encoding='utf-8', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows([('id', 'name'), *enumerate(classes)])
