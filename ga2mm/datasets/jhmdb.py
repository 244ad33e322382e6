"""JHMDB: the part of HMDB51 whose clips have annotated bodies, 928 clips of 21 of its classes."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ga2mm.datasets.folder import VIDEO_SUFFIXES, files_below
from ga2mm.datasets.official_annotations import OfficialAnnotations, OfficialVideo
from ga2mm.datasets.similar_classes import normalise_class_name


def folder_of_lists(folder: str | PathLike) -> Path:
    """Find HMDB51's official lists in a folder or below it.

    JHMDB has lists of its own with the same names. They have 21 classes, so the folder with the most classes
    is taken.

    Raises:
        OSError: The folder or one below it cannot be read, or there are no lists.
    """
    names = files_below(folder, ['_test_split1.txt'], follow_links=True)
    folders = [os.path.dirname(name) for name in names]
    if not folders:
        raise FileNotFoundError(
            f"{folder}: no file in it or below is named CLASS_test_split1.txt; put HMDB51's "
            'testTrainMulti_7030_splits there'
        )
    return Path(folder) / max(sorted(set(folders)), key=folders.count)


def keep_jhmdb(
    hmdb51: OfficialAnnotations, folder: str | PathLike, left_out: Sequence[str] = ()
) -> OfficialAnnotations:
    """Keep the videos of HMDB51 that JHMDB has, under the file names of JHMDB.

    A clip of JHMDB lies in a folder with the name of its class. Its name is that of HMDB51 except for the
    suffix and for characters other than letters, digits, hyphens and underscores. A line tells how many clips
    are in no list.

    Args:
        hmdb51: Official annotations of HMDB51.
        folder: The folder with the class folders, or one above it; paths are relative to it.
        left_out: Names of classes to leave out, without regard to case, spaces and punctuation.

    Raises:
        OSError: The folder or one below it cannot be read, or it has no clip of HMDB51's lists.
        ValueError: Two files are the same clip, or a class to leave out is not in JHMDB.
    """
    files: dict[tuple[str, str], str] = {}
    for path in sorted(files_below(folder, VIDEO_SUFFIXES, follow_links=True)):
        key = _key(os.path.basename(os.path.dirname(path)), path)
        if key in files:
            raise ValueError(f'{folder}: {files[key]} and {path} are the same clip; remove one of them')
        files[key] = path

    def of_jhmdb(video: OfficialVideo) -> str | None:
        return files.get(_key(video.class_name, video.name))

    videos = [video for video in (*hmdb51.train, *hmdb51.test) if of_jhmdb(video)]
    if not videos:
        raise FileNotFoundError(
            f'{folder}: no clip of HMDB51 is in a folder CLASS/ in it or below; give the folder of JHMDB'
        )
    there = {video.class_name for video in videos}
    without = {normalise_class_name(name): name for name in left_out}
    kept = [
        name for name in hmdb51.classes if name in there and not without.pop(normalise_class_name(name), 0)
    ]
    if without:
        unknown = next(iter(without.values()))
        raise ValueError(f'--leave-out {unknown!r} is not a class of JHMDB: {", ".join(sorted(there))}')
    classes = {normalise_class_name(name) for name in there}
    clips = sum(normalise_class_name(name) in classes for name, _ in files)
    print(f'{folder}: {clips} clips of {len(there)} classes, {clips - len(videos)} of them in no list')
    train, test = (
        tuple(
            replace(video, path=path)
            for video in part
            if video.class_name in kept and (path := of_jhmdb(video)) is not None
        )
        for part in (hmdb51.train, hmdb51.test)
    )
    return OfficialAnnotations(tuple(kept), train, test)


def _key(class_name: str, path: str) -> tuple[str, str]:
    """Give the class and the name of a clip as both datasets spell them."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return normalise_class_name(class_name), re.sub(r'[^\w-]', '@', stem)
