"""Which videos were cut from one recording, as far as their names say so."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from ga2mm.datasets.similar_classes import normalise_class_name

MOST = 0.75
"""Share of a class's videos from which on a name with numbers only counts them. Design choice."""

_CERTAIN = (
    re.compile(r'(.+_g\d+)_c\d+'),  # UCF101: group and clip
    re.compile(r'(.+)_[a-z]+_[a-z]{2}_np\d+_[a-z]{2}_[a-z]+_\d+'),  # HMDB51: tags of camera and quality
    re.compile(r'(.{11})_\d{6}_\d{6}'),  # Kinetics: YouTube id, begin and end
    re.compile(r'(.*?)[\W_]*(?:part|pt|segment|seg|scene|chunk|piece|teil)[\W_]*\d+', re.IGNORECASE),
)
"""Names of pieces of a recording; the first group is the recording."""

_NUMBERED = re.compile(r'(.*?)[\W_]*(?:(?:clip|video|vid|take)[\W_]*)?\d+\W*', re.IGNORECASE)
"""Numbered names: pieces of a recording, or a mere count of the videos."""

_OF_CAMERAS = {'', 'dsc', 'dscn', 'gh', 'gopr', 'gx', 'image', 'img', 'mov', 'movie', 'mvi', 'pxl', 'vid'}
"""Names before the number that say nothing, since cameras and phones give them."""


def recordings(videos: Mapping[str, Sequence[str]], group_by: str | None = None) -> dict[str, str]:
    """Tell which recording each video was cut from.

    Without ``group_by``, names decide: UCF101's ``v_Archery_g08_c01``, HMDB51's tags, Kinetics' times,
    ``film_part3``, and numbers at the end (``film 3``). Folders inside the class's folder belong to the
    name. Design choice: numbers that are all that differs between most videos of a class (``clip 1``,
    ``juggling_07``) only count them, so that each is a recording of its own.

    Args:
        videos: The paths of each class, by class name.
        group_by: A regular expression that is searched in each path; its first group, or else the whole
            match, is the recording. A video without a match is a recording of its own.

    Returns:
        The recording of each path. Videos of two classes may share one.

    Raises:
        ValueError: ``group_by`` is not a regular expression.
    """
    if group_by is not None:
        pattern = _compile(group_by)
        return {path: _matched(pattern, path) or path for paths in videos.values() for path in paths}
    found = {}
    for name, paths in videos.items():
        counted = defaultdict(list)
        for path in paths:
            found[path], is_certain = _from_name(path, name)
            if not is_certain:
                counted[found[path]].append(path)
        for recording, numbered in counted.items():
            if _says_nothing(recording, name) or len(numbered) >= MOST * len(paths):
                found |= {path: path for path in numbered}
    return found


def _from_name(path: str, class_name: str) -> tuple[str, bool]:
    """Give the recording that a name states, and whether it is certain."""
    inside = PurePath(path)
    folders = inside.parts[1:-1]  # without the class's folder
    for pattern in _CERTAIN:
        match = pattern.fullmatch(inside.stem)
        if match:
            of_class = r'[\W_]*'.join(map(re.escape, class_name.split()))
            stem = re.sub(rf'[\W_]+{of_class}$', '', match[1], flags=re.IGNORECASE)
            named = '/'.join((*folders, stem) if stem else folders)
            return named, not _says_nothing(named, class_name)
    match = _NUMBERED.fullmatch(inside.stem)
    stem = inside.stem if match is None else match[1]
    return '/'.join((*folders, stem) if stem else folders), False


def _says_nothing(recording: str, class_name: str) -> bool:
    """Tell whether the name of a recording only says what all videos of the class or the camera have."""
    return normalise_class_name(recording) in {*_OF_CAMERAS, normalise_class_name(class_name)}


def _compile(group_by: str) -> re.Pattern:
    try:
        return re.compile(group_by)
    except re.error as error:
        raise ValueError(f'--group-by {group_by!r} is not a regular expression: {error}') from None


def _matched(pattern: re.Pattern, path: str) -> str | None:
    match = pattern.search(path)
    if match is None:
        return None
    return match[1] if pattern.groups else match[0]
