"""Detection of paths that lead to the same video."""

import os
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

SAMPLE = 65536
"""Bytes read at the beginning, middle and end of a video. Design choice: videos of equal size count as one if
these bytes are equal; a small video is read in full."""


def same_files(files: Iterable[str]) -> dict[str, str]:
    """Map each path to the first path of the same file, such as a link or another spelling.

    A path to a missing file maps to itself.
    """
    first: dict[object, str] = {}
    found = {}
    for file in files:
        try:
            status = os.stat(file)
            place: object = (status.st_dev, status.st_ino)
        except (OSError, ValueError):
            place = file
        found[file] = first.setdefault(place, file)
    return found


def same_contents(files: Iterable[str], most: int | None = None) -> tuple[dict[str, str], int]:
    """Map each file to the first file with the same content; only files of equal size are read.

    Args:
        files: Different files; empty and unreadable files map to themselves.
        most: Highest number of files to read; None for all.

    Returns:
        The map, and the number of files that were not read because of ``most``.
    """
    sizes = {file: _size(file) for file in files}
    counts = Counter(sizes.values())
    unsure = [file for file, size in sizes.items() if size > 0 and counts[size] > 1]
    first: dict[object, str] = {}
    found = {file: file for file in sizes}
    for file in unsure[:most]:
        try:
            content: object = _digest(file, sizes[file])
        except OSError:
            content = file
        found[file] = first.setdefault(content, file)
    return found, 0 if most is None else max(len(unsure) - most, 0)


def _size(file: str) -> int:
    try:
        return os.path.getsize(file)
    except (OSError, ValueError):
        return 0


def _digest(path: str, size: int) -> tuple[int, bytes]:
    digest = blake2b(digest_size=16)
    with open(path, 'rb') as file:
        starts = range(0, size, SAMPLE) if size <= 3 * SAMPLE else (0, (size - SAMPLE) // 2, size - SAMPLE)
        for start in starts:
            file.seek(start)
            digest.update(file.read(SAMPLE))
    return size, digest.digest()
