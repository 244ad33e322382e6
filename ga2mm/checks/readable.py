"""Check that videos and images can be read."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ga2mm.datasets.still_image import OpenImage
from ga2mm.datasets.video_file import UnreadableVideoError, VideoFile


def unreadable_files(
    paths: Sequence[str], are_images: bool = False, done: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """Read through files and decode their first frame.

    Args:
        paths: The files.
        are_images: Whether they are images.
        done: Called after each file.

    Returns:
        The reason for each file that cannot be read.
    """
    found = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, reason in zip(paths, pool.map(_image if are_images else _video, paths), strict=True):
            if reason is not None:
                found[path] = reason
            done()
    return found


def _video(path: str) -> str | None:
    try:
        VideoFile(path).frames([0])
    except UnreadableVideoError as error:
        return error.reason
    return None


def _image(path: str) -> str | None:
    try:
        OpenImage().transform(dict(filename=path))
    except UnreadableVideoError as error:
        return error.reason
    return None
