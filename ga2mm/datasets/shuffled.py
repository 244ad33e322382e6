"""An order that is the same on every machine, to draw shots from."""

import hashlib
from collections.abc import Iterable


def shuffled(names: Iterable[str], seed: int | str) -> list[str]:
    """Names in an order that depends on the names and the seed alone."""
    return sorted(names, key=lambda name: hashlib.sha256(f'{seed} {name}'.encode()).digest())
