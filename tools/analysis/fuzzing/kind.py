"""Base class for kinds of files: intact and damaged files, reading by the tools, and the correct result."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANYTHING = 'anything'
"""``Case.right`` of a file for which any result is correct."""

NOTHING = 'nothing'
"""``Case.right`` of a file that must be rejected with an error."""

RAN = 'ran'
"""File that malicious code in a file writes into the current folder if a reader executes it."""


@dataclass(frozen=True)
class Case:
    """A file to read.

    Args:
        path: The file.
        what: Description of the file and its damage.
        right: The correct result of reading, :data:`ANYTHING` or :data:`NOTHING`. An error is always
            correct.
    """

    path: Path
    what: str
    right: Any = ANYTHING


class Kind(ABC):
    """A kind of file.

    Args:
        sound: The folder of the intact files.
    """

    name: str
    """Name of the kind, in the plural."""

    names: tuple[str, ...] = ()
    """Texts that an error line may have instead of the file's name."""

    def __init__(self, sound: Path) -> None:
        self.sound = sound / self.name

    @abstractmethod
    def prepare(self) -> None:
        """Write the intact files; called in a separate process."""

    @abstractmethod
    def damage(self, folder: Path, rng: random.Random) -> Case:
        """Write a damaged file, occasionally an intact one."""

    @abstractmethod
    def read(self, case: Case) -> Any:
        """Read a file like the tools do."""

    def judge(self, case: Case, found: Any) -> str | None:
        """Describe in one line how the result of reading is wrong; None if it is, or may be, correct."""
        if case.right is NOTHING:
            return 'read, but it must be rejected'
        if case.right is not ANYTHING and found != case.right:
            return f'read {shorten(found)}, right is {shorten(case.right)}'
        return None

    def sound_files(self) -> list[Path]:
        """List the intact files, sorted."""
        return sorted(self.sound.iterdir())


def shorten(value: Any, length: int = 300) -> str:
    """Show a value in one line of limited length."""
    text = ' '.join(repr(value).split())
    return text if len(text) <= length else f'{text[:length]}...'
