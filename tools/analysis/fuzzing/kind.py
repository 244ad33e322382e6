"""What a kind of file is: sound ones, damaged ones, how the tools read it, and what is right."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANYTHING = 'anything'
"""``Case.right`` of a file that may legitimately say whatever is read from it."""

NOTHING = 'nothing'
"""``Case.right`` of a file that must be refused."""

RAN = 'ran'
"""What code that hides in a file writes into the current folder where a reader runs it."""


@dataclass(frozen=True)
class Case:
    """A file to read.

    Args:
        path: The file.
        what: What it was and how it was damaged, in words.
        right: What may be read from it, :data:`ANYTHING` or :data:`NOTHING`. To refuse it is right always.
    """

    path: Path
    what: str
    right: Any = ANYTHING


class Kind(ABC):
    """A kind of file.

    Args:
        sound: The folder of the sound files.
    """

    name: str
    """What the kind is called, in the plural."""

    names: tuple[str, ...] = ()
    """What the line that refuses a file may say in the place of its name."""

    def __init__(self, sound: Path) -> None:
        self.sound = sound / self.name

    @abstractmethod
    def prepare(self) -> None:
        """Write the sound files, in a process of its own."""

    @abstractmethod
    def damage(self, folder: Path, rng: random.Random) -> Case:
        """Write a damaged file, now and then a sound one."""

    @abstractmethod
    def read(self, case: Case) -> Any:
        """Read a file as the tools do."""

    def judge(self, case: Case, found: Any) -> str | None:
        """What is wrong with what was read, in one line; None if it is right, or may be."""
        if case.right is NOTHING:
            return 'read, but it must be refused'
        if case.right is not ANYTHING and found != case.right:
            return f'read {shorten(found)}, right is {shorten(case.right)}'
        return None

    def sound_files(self) -> list[Path]:
        """The sound files, in an order of their own."""
        return sorted(self.sound.iterdir())


def shorten(value: Any, length: int = 300) -> str:
    """A value in one line that is not too long."""
    text = ' '.join(repr(value).split())
    return text if len(text) <= length else f'{text[:length]}...'
