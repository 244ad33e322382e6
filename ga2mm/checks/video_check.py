"""Checks of the videos of lists: missing videos and videos that lists share."""

import os
import re
from collections.abc import Iterator, Sequence

from ga2mm.checks.config_lists import CheckedList, Finding
from ga2mm.checks.same_videos import same_contents, same_files
from ga2mm.utils import first_few

MOST_FILES = 50_000
"""Number of videos above which a run does not compare paths; ``check_split.py`` always does."""

MOST_READ = 1000
"""Number of videos of equal size whose contents a run compares; ``check_split.py`` compares all."""

LOOKED_FOR = 16
"""Approximate number of videos per list that a run looks for before it starts."""

_FRAME_FOLDER = re.compile(r'/[^/.]+ \d+$')

_MISSING = 'no such file'


def check_files(lists: Sequence[CheckedList]) -> list[Finding]:
    """Check that every listed video is a file."""
    findings = []
    for one in lists:
        problems = {file: problem for file in one.files if (problem := _problem(file))}
        missing = [file for file, problem in problems.items() if problem == _MISSING]
        others = [f'{file} ({problem})' for file, problem in problems.items() if problem != _MISSING]
        if missing and all(_FRAME_FOLDER.search(file) for file in missing):
            message = f"{one.ann_file}: rows are 'FOLDER FRAMES LABEL'; list videos, not folders of frames"
            findings.append(Finding('error', message))
        elif missing:
            message = (
                f'{one.ann_file}: {len(missing)} of {len(one.files)} videos are missing: '
                f'{first_few(missing)}; check data_prefix'
            )
            findings.append(Finding('error', message))
        if others:
            message = f'{len(others)} of {len(one.files)} videos cannot be opened: {first_few(others)}'
            findings.append(Finding('error', f'{one.ann_file}: {message}'))
    return findings


def check_some_files(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    """Look for some videos of each list; give an error for a list if none can be opened."""
    for one in lists:
        some = one.files[:: max(1, len(one.files) // LOOKED_FOR)]
        problems = [problem for file in some if (problem := _problem(file))]
        if some and len(problems) == len(some):
            message = (
                f'{one.key}: none of the {len(some)} videos of {one.ann_file} that were checked can be '
                f'opened, the first is {first_few(some[:1])} ({problems[0]}); check data_prefix'
            )
            yield Finding('error', message)


def _problem(path: str) -> str | None:
    """Give the reason why a path cannot be opened as a file; None if it can."""
    try:
        if not os.path.isfile(path):
            os.stat(path)  # raises the reason
            return 'a folder, not a file' if os.path.isdir(path) else 'not a regular file'
    except (FileNotFoundError, NotADirectoryError):
        return _MISSING
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None if os.access(path, os.R_OK, effective_ids=True) else 'permission denied'


def first_of_same(
    lists: Sequence[CheckedList], thorough: bool
) -> tuple[dict[str, str], dict[str, str], list[Finding]]:
    """Map each path to the first of the same file and of the same content; warn of omitted comparisons."""
    paths = dict.fromkeys(file for one in lists for file in one.files)
    if not thorough and len(paths) > MOST_FILES:
        message = (
            f'{len(paths)} videos are too many to compare before a run; '
            'tools/data/check_split.py finds repeated videos and copies'
        )
        alone = {path: path for path in paths}
        return alone, alone, [Finding('warning', message)]
    files = same_files(paths)
    first, left = same_contents(dict.fromkeys(files.values()), None if thorough else MOST_READ)
    contents = {path: first[file] for path, file in files.items()}
    if not left:
        return files, contents, []
    message = (
        f'{left} more videos have the size of another one and were not compared with it; '
        'tools/data/check_split.py compares them'
    )
    return files, contents, [Finding('warning', message)]


def repeated_videos(one: CheckedList, files: dict[str, str], contents: dict[str, str]) -> Iterator[Finding]:
    seen: dict[str, tuple[int, str, int]] = {}
    twice, copies, contradicting = [], [], []
    for row, (file, label) in enumerate(zip(one.files, one.labels, strict=True)):
        first_row, first, first_label = seen.setdefault(contents[file], (row, file, label))
        if label != first_label:
            contradicting.append(f'{_both(file, first)} (labels {first_label} and {label})')
        elif row != first_row:
            (twice if files[file] == files[first] else copies).append(_both(file, first))
    if twice:
        yield Finding('error', f'{one.ann_file}: {len(twice)} rows repeat a video: {first_few(twice)}')
    if copies:
        yield Finding('warning', f'{one.ann_file}: {len(copies)} videos are copies: {first_few(copies)}')
    if contradicting:
        message = f'{one.ann_file}: {len(contradicting)} videos have two labels: {first_few(contradicting)}'
        yield Finding('error', message)


def shared_videos(
    first: CheckedList, second: CheckedList, contents: dict[str, str], chooses: bool
) -> Iterator[Finding]:
    roles, splits = {first.role, second.role}, {first.split, second.split}
    if roles == {'test'} and splits != {'base', 'novel'} and (None not in splits or len(splits) == 1):
        return  # splits of one dataset may share test videos, but not with the irrelevant test set
    if roles == {'training'} or roles <= {'anchor', 'generated anchor', 'calibration anchor'}:
        return  # training lists that differ in classes have their own error; anchor sources may overlap
    if roles == {'training', 'generated anchor'}:
        return  # anchors are generated from training videos
    of_first = {contents[file]: file for file in first.files}
    shared = {_both(file, of_first[contents[file]]) for file in second.files if contents[file] in of_first}
    if shared:
        message = (
            f'{len(shared)} videos are in both the {first.role} list {first.ann_file} and the {second.role} '
            f'list {second.ann_file}: {first_few(sorted(shared))}'
        )
        harmless = roles == {'validation', 'test'} and not chooses
        yield Finding('warning' if harmless else 'error', message)


def _both(file: str, first: str) -> str:
    return file if file == first else f'{file} (the same video as {first})'
