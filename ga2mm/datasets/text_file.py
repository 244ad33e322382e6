"""Lines of a text file, with an error that names the row which is not UTF-8."""

import codecs
from os import PathLike
from pathlib import Path


def read_lines(path: str | PathLike) -> list[str]:
    """Lines of a UTF-8 file, without the white space around them; a byte order mark is dropped.

    Line i of the list is row i + 1 of the file, blank lines included.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A row is not UTF-8.
    """
    lines = []
    content = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8)
    for row, line in enumerate(content.splitlines(), start=1):
        try:
            lines.append(line.decode('utf-8').strip())
        except UnicodeDecodeError:
            raise ValueError(f'{path}, row {row}: not UTF-8; save the file as UTF-8') from None
    return lines
