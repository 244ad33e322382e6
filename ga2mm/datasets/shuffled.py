"""Shuffled order for drawing shots, the same on every machine."""

import hashlib
from collections.abc import Iterable


def shuffled(names: Iterable[str], seed: int | str) -> list[str]:
    """Shuffle names in an order that depends only on the names and the seed."""
    return sorted(names, key=lambda name: hashlib.sha256(f'{seed} {name}'.encode()).digest())
