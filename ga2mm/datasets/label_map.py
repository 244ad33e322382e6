"""Label maps: the names of the classes, in the order of their labels."""

import csv
from collections.abc import Sequence
from os import PathLike

from ga2mm.datasets.text_file import read_lines


def read_label_map(path: str | PathLike) -> tuple[str, ...]:
    """Read class names from a CSV file with the header ``id,name``, or from one name per line.

    In a CSV file, names that contain commas stand in double quotes, and rows may have any order. A
    file without that header is MMAction2's text format: the name in row i + 1 belongs to label i.

    Returns:
        The names, at the index of their labels, at least one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Ids other than 0 to n - 1, each once, or names that are empty or repeated, or any
            other broken row. The line names file and row.
    """
    lines = read_lines(path)
    while lines and not lines[-1]:
        lines.pop()
    header = [field.strip().lower() for field in lines[0].split(',')] if lines else []
    if header == ['id', 'name']:
        rows_and_names = _read_csv(path, lines)
    elif str(path).lower().endswith('.csv'):
        raise ValueError(f"{path}, row 1: the header must be 'id,name'; add it as the first line")
    else:
        rows_and_names = list(enumerate(lines, start=1))
    if not rows_and_names:
        raise ValueError(f'{path}: no class in this file; write one row per class')
    places = [f'{path}, row {row}' for row, _ in rows_and_names]
    return check_class_names([name for _, name in rows_and_names], places)


def check_class_names(names: Sequence[str], places: Sequence[str]) -> tuple[str, ...]:
    """Refuse empty and repeated class names.

    Args:
        names: The class names, at the index of their labels.
        places: Where each name stands, for the error.

    Raises:
        ValueError: A name is empty or stands twice.
    """
    first_place: dict[str, str] = {}
    for name, place in zip(names, places, strict=True):
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f'{place}: empty class name; give every class a name')
        if name in first_place:
            raise ValueError(
                f"{place}: class name '{name}' stands already in {first_place[name]}; "
                'give every class a name of its own'
            )
        first_place[name] = place
    return tuple(names)


def _read_csv(path: str | PathLike, lines: list[str]) -> list[tuple[int, str]]:
    """(row, name) of each class, in the order of the ids."""
    by_id: dict[int, tuple[int, str]] = {}
    reader = csv.reader(lines, skipinitialspace=True, strict=True)
    try:
        next(reader)
        for fields in reader:
            row = reader.line_num
            if not fields:
                continue
            if len(fields) != 2:
                raise ValueError(
                    f"{path}, row {row}: {len(fields)} fields instead of 2; write 'id,name', "
                    'with double quotes around a name that contains commas'
                )
            label, name = fields[0].strip(), fields[1].strip()
            if not (label.isascii() and label.isdigit()):
                raise ValueError(f"{path}, row {row}: id '{label}' is no integer from 0 on")
            if int(label) in by_id:
                raise ValueError(
                    f'{path}, row {row}: id {label} stands already in row {by_id[int(label)][0]}; '
                    'give every class an id of its own'
                )
            by_id[int(label)] = (row, name)
    except csv.Error as error:
        raise ValueError(f'{path}, row {reader.line_num}: {error}; check the double quotes') from None
    for label in sorted(by_id):
        if label >= len(by_id):
            missing = min(set(range(len(by_id))) - set(by_id))
            raise ValueError(
                f'{path}, row {by_id[label][0]}: id {label}, but no row has id {missing}; number '
                f'the {len(by_id)} classes 0 to {len(by_id) - 1} without gaps'
            )
    return [by_id[label] for label in sorted(by_id)]
