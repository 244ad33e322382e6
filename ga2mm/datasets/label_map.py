"""Label maps: class names in the order of their labels."""

import re
from collections.abc import Sequence
from os import PathLike

from ga2mm.datasets.similar_classes import normalise_class_name
from ga2mm.datasets.text_file import NOT_TEXT, csv_fields, quoted, read_lines

FORMATS = (
    "label maps are CSV files with the header 'id,name', or have one name per line, or '1 NAME' lines "
    "numbered in order as UCF101's classInd.txt"
)

_CSV_HEADER = re.compile(r'("?)id\1\s*,\s*("?)name\2')
_NUMBER_BEFORE = re.compile(r'[\[(#]?[0-9]+[\W_]')
_NUMBER_BEHIND = re.compile(r'(.*)[\W_]([0-9]+)$')
_NUMBERED = re.compile(r'0*([0-9]+) +(.*)')
_BETWEEN_COLUMNS = re.compile(r'.*([;=]|: |,\S)')
_VIDEO = re.compile(r'.*\.(avi|flv|m4v|mkv|mov|mp4|mpe?g|ogv|ts|webm|wmv)\b', re.IGNORECASE)
_NO_NAMES = (_NUMBER_BEFORE, _NUMBER_BEHIND, _BETWEEN_COLUMNS)
_NAME = re.compile(r'(?=.*[^\W\d_])(\[\w[^]]*\] |\()?[^\W_][^\t{}<>|]*(?<![,:;\[])')
"""Pattern of a name on its own line; templates of Something-Something may begin with ``[something]``."""

_HEADERS = {'action', 'category', 'class', 'classes', 'classname', 'label', 'labels', 'name', 'names'}


def read_label_map(path: str | PathLike) -> tuple[str, ...]:
    """Read class names from a CSV file with the header ``id,name`` or from a file of one name per line.

    In a CSV file, names that contain commas are in double quotes, and rows may have any order. A file
    without that header is MMAction2's text format: row i + 1 has the name of label i. Its lines may be
    numbered in order, from 1 (``1 NAME`` as in UCF101's ``classInd.txt``) or from 0; the row still gives
    the label.

    Design choice: a text file that does not look like names is an error: JSON, YAML, tables, comments, ids
    after the names. If most lines begin with a number, the numbers must be in order from 0 or 1; if only a
    few do (``50 salads``), the numbers are part of the names. A CSV file may have any names.

    Returns:
        The class names, at least one, indexed by label.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: Ids are not 0 to n - 1, each once, a name is empty, two names differ only by case, spaces
            and punctuation, or a row or the format is invalid. The message names file and row.
    """
    lines = read_lines(path)
    while lines and not lines[-1]:
        lines.pop()
    if lines and _CSV_HEADER.fullmatch(lines[0].lower()):
        rows_and_names = _read_csv(path, lines)
    elif str(path).lower().endswith('.csv'):
        found = quoted(lines[0]) if lines else 'missing'
        raise ValueError(
            f"{path}, row 1: the header must be 'id,name', but is {found}; add it as the first line"
        )
    else:
        rows_and_names = list(enumerate(_read_text(path, lines), start=1))
    if not rows_and_names:
        raise ValueError(f'{path}: no class in this file; write one row per class')
    places = [f'{path}, row {row}' for row, _ in rows_and_names]
    return check_class_names([name for _, name in rows_and_names], places)


def class_names_of(label_map: str | PathLike | Sequence[str], key: str = 'label_map') -> tuple[str, ...]:
    """Give the class names of a label map, which is a file or a list of names.

    Args:
        label_map: The file (see :func:`read_label_map`) or the names.
        key: Key of the label map in the config, for the error message.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: ``label_map`` is neither, or a name is invalid; see :func:`check_class_names`.
    """
    if isinstance(label_map, str | PathLike):
        return read_label_map(label_map)
    if not isinstance(label_map, list | tuple) or not label_map:
        raise ValueError(f'{key}={quoted(label_map)}: give a file or a list of names')
    return check_class_names(label_map, [f'{key}[{label}]' for label in range(len(label_map))])


def check_class_names(names: Sequence[str], places: Sequence[str]) -> tuple[str, ...]:
    """Check that class names are text, not empty, and differ after normalisation.

    Args:
        names: The class names, indexed by label.
        places: The place of each name, for the error message.

    Raises:
        ValueError: A name is empty or has control characters, or two names differ only by case, spaces and
            punctuation (:func:`~ga2mm.datasets.similar_classes.normalise_class_name`).
    """
    first_place: dict[str, tuple[str, str]] = {}
    for name, place in zip(names, places, strict=True):
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f'{place}: empty class name; give every class a name')
        if '\t' in name or NOT_TEXT.search(name):
            raise ValueError(f'{place}: class name {name[:80]!r} has a tab or control character; remove it')
        first, where = first_place.setdefault(normalise_class_name(name) or name, (name, place))
        if where != place:
            same = '' if first == name else f' as {quoted(first)}, ignoring case, spaces and punctuation'
            raise ValueError(
                f'{place}: class name {quoted(name)} is already in {where}{same}; '
                'give every class a name of its own'
            )
    return tuple(names)


def _read_text(path: str | PathLike, lines: list[str]) -> list[str]:
    """Read the names of a file with one name per line; lines may be numbered."""
    names = lines
    if _most(lines, _NUMBER_BEFORE):
        first = 0 if re.match('0+ ', lines[0]) else 1
        found = [_NUMBERED.fullmatch(line) for line in lines]
        for row, (line, match) in enumerate(zip(lines, found, strict=True), start=1):
            if match is None or int(match[1][:9]) != first + row - 1:
                raise ValueError(
                    f"{path}, row {row}: {quoted(line)} is not '{first + row - 1} NAME', although most "
                    f'lines begin with a number; {FORMATS}'
                )
        names = [match[2] for match in found]
    for row, name in enumerate(names, start=1):
        header = row == 1 and normalise_class_name(name) in _HEADERS
        if name and (header or _VIDEO.match(name) or not _NAME.fullmatch(name)):
            raise ValueError(f'{path}, row {row}: {quoted(name)} is not a class name; {FORMATS}')
    if _most(names, _NUMBER_BEFORE) or _most(names, _BETWEEN_COLUMNS) or _have_ids_behind(names):
        row = 1 + next(i for i, name in enumerate(names) if any(one.match(name) for one in _NO_NAMES))
        raise ValueError(
            f'{path}, row {row}: {quoted(names[row - 1])}, like most lines, is more than a class name; '
            f'{FORMATS}'
        )
    return names


def _most(lines: list[str], pattern: re.Pattern) -> bool:
    """Tell whether more than half of the lines match a pattern."""
    return 2 * sum(pattern.match(line) is not None for line in lines) > len(lines)


def _have_ids_behind(names: list[str]) -> bool:
    """Tell whether most names end in an id of their own, unlike 'gesture 1' and 'gesture 2'."""
    found = [match for match in map(_NUMBER_BEHIND.match, names) if match]
    return 2 * min(len({match[1] for match in found}), len({match[2] for match in found})) > len(names)


def _read_csv(path: str | PathLike, lines: list[str]) -> list[tuple[int, str]]:
    """Read (row, name) of each class, in the order of the ids."""
    by_id: dict[int, tuple[int, str]] = {}
    for row, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        fields = csv_fields(line, f'{path}, row {row}')
        if len(fields) != 2:
            raise ValueError(
                f"{path}, row {row}: {len(fields)} fields instead of 2; write 'id,name', "
                'with double quotes around a name that contains commas'
            )
        label, name = fields
        if not re.fullmatch('[0-9]{1,9}', label):
            raise ValueError(f'{path}, row {row}: id {quoted(label)} is not an integer of 0 or more')
        if int(label) in by_id:
            raise ValueError(
                f'{path}, row {row}: id {label} is already in row {by_id[int(label)][0]}; '
                'give every class an id of its own'
            )
        by_id[int(label)] = (row, name)
    for label in sorted(by_id):
        if label >= len(by_id):
            missing = min(set(range(len(by_id))) - set(by_id))
            raise ValueError(
                f'{path}, row {by_id[label][0]}: id {label}, but no row has id {missing}; number '
                f'the {len(by_id)} classes 0 to {len(by_id) - 1} without gaps'
            )
    return [by_id[label] for label in sorted(by_id)]
