"""What lies in a folder, and nothing left out without a word."""

import os
from collections.abc import Iterable
from os import PathLike


def files_below(folder: str | PathLike, suffixes: Iterable[str], follow_links: bool = False) -> list[str]:
    """Files of a folder and of the folders in it, relative to it, in no order; hidden files are left out.

    A link is listed wherever it leads: if nowhere, the file cannot be read later, and is named then.

    Args:
        folder: The folder.
        suffixes: What names end in, in small or capital letters.
        follow_links: Look into folders that are links, each folder once.

    Raises:
        OSError: There is no such folder, or it or one in it may not be read.
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


def _fail(error: OSError) -> None:
    raise error
