"""Readers of text and JSON files whose errors name the file and the row."""

import csv
import json
import re
import stat
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

MAX_LINE = 8192
"""Longest line, in characters. Design choice: twice the longest path on Linux."""

NOT_TEXT = re.compile(r'[\x00-\x08\x0a-\x1f\x7f\ufeff\ud800-\udfff]')
"""Characters that no path or name has: control characters except tabs, byte order marks, surrogates."""

_QUOTED = 80


def read_lines(path: str | PathLike) -> list[str]:
    """Read the lines of a UTF-8 file, without surrounding white space and without a byte order mark.

    Line i of the list is row i + 1 of the file; blank lines are included.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The path is not a regular file, or a row is not UTF-8, has a control character or more
            than ``MAX_LINE`` characters.
    """
    _check_regular(path)
    # Bytes that are not UTF-8 become lone surrogates, so that the error can name their row.
    with open(path, encoding='utf-8-sig', errors='surrogateescape') as file:
        return [_checked(line, f'{path}, row {row}') for row, line in enumerate(_lines(file), start=1)]


def read_json(path: str | PathLike, remedy: str) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        remedy: Advice for the error message.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The content is not JSON, or an object has a key twice.
    """
    _check_regular(path)
    content = Path(path).read_bytes()
    try:
        return json.loads(content, object_pairs_hook=_without_repeated_keys)
    except RecursionError:
        raise ValueError(f'{path} is not a JSON file (nested too deeply); {remedy}') from None
    except ValueError as error:
        raise ValueError(f'{path} is not a JSON file ({error}); {remedy}') from None


def csv_fields(line: str, where: str) -> list[str]:
    """Split a row of a CSV file into fields without surrounding white space.

    Design choice: a field ends with its row, so that the error names the row where a double quote is missing.

    Raises:
        ValueError: A double quote is missing; ``where`` names file and row.
    """
    try:
        fields = next(csv.reader([line], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise ValueError(f'{where}: {error}; check the double quotes') from None
    return [field.strip() for field in fields]


def quoted(text: Any) -> str:
    """Format a part of a file for an error message: in quotes, on one line, shortened if long."""
    shown = text if isinstance(text, str) else repr(text)
    cut = f'{shown[:_QUOTED]}...' if len(shown) > _QUOTED else shown
    return repr(cut) if NOT_TEXT.search(cut) else f"'{cut}'"


def _check_regular(path: str | PathLike) -> None:
    """Reject paths on which a read would block, such as a pipe."""
    if '\0' in str(path):
        raise ValueError(f'{quoted(path)}: the file name contains the character NUL; remove it')
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # open() reports folders itself
        raise ValueError(f'{path}: not a regular file; give a file')


def _lines(file: TextIO) -> Iterator[str]:
    """Read lines; a line that is too long is read only in part."""
    return iter(lambda: file.readline(MAX_LINE + 2), '')


def _checked(line: str, where: str) -> str:
    line = line.removesuffix('\n')
    if len(line) > MAX_LINE:
        raise ValueError(
            f'{where}: more than {MAX_LINE} characters in one line; check that this is the right file'
        )
    bad = NOT_TEXT.search(line)
    if bad and '\udc80' <= bad[0] <= '\udcff':
        raise ValueError(f'{where}: not UTF-8; save the file as UTF-8')
    if bad:
        raise ValueError(f'{where}: the character {bad[0]!r}; save the file as plain text in UTF-8')
    return line.strip()


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key {quoted(twice)} is listed twice')
    return content
