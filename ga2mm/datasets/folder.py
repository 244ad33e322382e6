"""Listing of the files and folders in a folder; folders that cannot be read raise errors."""

import os
from collections.abc import Iterable
from os import PathLike

from torchvision.datasets.folder import find_classes

VIDEO_SUFFIXES = (
    *('.avi', '.flv', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv'),
    *('.3gp', '.ogv', '.ts'),
)
"""File name suffixes of videos, in small or capital letters."""


def files_below(folder: str | PathLike, suffixes: Iterable[str], follow_links: bool = False) -> list[str]:
    """List the files below a folder as relative paths, in arbitrary order and without hidden files.

    Links to files are listed even if their target is missing; an attempt to read one then names it.

    Args:
        folder: The folder.
        suffixes: File name suffixes, in lower case; the case of file names is ignored.
        follow_links: Follow links to folders, visiting each folder once.

    Raises:
        OSError: The folder or one below it is missing or cannot be read.
    """
    found: list[str] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=_fail, followlinks=follow_links):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [
            os.path.relpath(os.path.join(place, name), folder)
            for name in names
            if not name.startswith('.') and name.lower().endswith(tuple(suffixes))
        ]
    return found


def class_folders(folder: str | PathLike) -> list[str]:
    """Give the sorted names of the folders in a folder that are not hidden.

    Raises:
        OSError: The folder is missing or cannot be read, has no folder, or a link in it leads nowhere.
    """
    for entry in os.scandir(folder):
        if entry.is_symlink() and not os.path.exists(entry.path):  # else its class would be missing
            raise FileNotFoundError(f'{entry.path}: the link is broken; repair or remove it')
    return [name for name in find_classes(folder)[0] if not name.startswith('.')]


def _fail(error: OSError) -> None:
    raise error
