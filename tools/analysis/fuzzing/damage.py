"""Damage to the bytes of a file, independent of its format."""

import random
from collections.abc import Callable, Sequence

START = 4096
"""Bytes at either end of a file that are likely to have headers and tables."""

EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damage_bytes(data: bytes, rng: random.Random, tags: Sequence[bytes] = ()) -> tuple[bytes, str]:
    """Damage a file in one way, sometimes in two.

    Args:
        data: Content of the file.
        rng: Random generator that selects the damage.
        tags: Byte strings of the file's format that occur near sizes and counts.

    Returns:
        The damaged content, and a description of the damage.
    """
    ways = list(WAYS)
    if any(tag in data for tag in tags):
        ways += [lambda data, rng: change_field(data, rng, tags)] * 5
    done = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        data, what = rng.choice(ways)(data, rng)
        done.append(what)
    return data, ', '.join(done)


def truncate(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Cut off the end."""
    kept = rng.randrange(len(data) + 1)
    return data[:kept], f'{kept} of {len(data)} bytes'


def zero(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Set a part to zero."""
    start, end = _range(data, rng)
    return data[:start] + bytes(end - start) + data[end:], f'bytes {start} to {end} zeroed'


def overwrite(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Overwrite a part with noise."""
    start, end = _range(data, rng)
    return data[:start] + rng.randbytes(end - start) + data[end:], f'bytes {start} to {end} overwritten'


def remove(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Remove a part."""
    start, end = _range(data, rng)
    return data[:start] + data[end:], f'bytes {start} to {end} removed'


def insert(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Insert noise."""
    start, size = rng.randrange(len(data) + 1), rng.choice((1, 2, 7, 64, 512, 4096))
    return data[:start] + rng.randbytes(size) + data[start:], f'{size} bytes of noise put in at {start}'


def swap(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Swap two blocks."""
    size = rng.choice((16, 512, 4096))
    if len(data) < 2 * size:
        return overwrite(data, rng)
    first, second = sorted(rng.sample(range(len(data) // size), 2))
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    parts[first], parts[second] = parts[second], parts[first]
    return b''.join(parts), f'blocks {first} and {second} of {size} bytes swapped'


def flip(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Flip single bits, anywhere or at one of the ends."""
    where = rng.choice(('anywhere', 'at the start', 'at the end'))
    low = max(0, len(data) - START) if where == 'at the end' else 0
    high = min(len(data), START) if where == 'at the start' else len(data)
    if low == high:
        return data, 'empty'
    changed, count = bytearray(data), rng.choice((1, 1, 2, 8, 64))
    for _ in range(count):
        changed[rng.randrange(low, high)] ^= 1 << rng.randrange(8)
    return bytes(changed), f'{count} bits flipped {where}'


def change_field(data: bytes, rng: random.Random, tags: Sequence[bytes]) -> tuple[bytes, str]:
    """Replace a number of one to eight bytes near a tag, mostly by an extreme value."""
    tag = rng.choice([tag for tag in tags if tag in data] or [data[:4]])
    places = [i for i in range(len(data)) if data.startswith(tag, i)] or [0]
    size = rng.choice((1, 2, 4, 4, 4, 8))
    start = max(0, rng.choice(places) + rng.choice((-4, len(tag), len(tag) + rng.randrange(48))))
    value = rng.choice((*EXTREMES, rng.getrandbits(8 * size))) % 256**size
    number = value.to_bytes(size, rng.choice(('big', 'little')))
    data = data[:start] + number + data[start + size :]
    return data, f'{size} bytes at {start}, near {tag!r}, are {value}'


WAYS: tuple[Callable[[bytes, random.Random], tuple[bytes, str]], ...] = (
    truncate,
    truncate,
    zero,
    overwrite,
    remove,
    insert,
    swap,
    flip,
    flip,
    flip,
)


def _range(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Choose a part of the data, short or long."""
    start = rng.randrange(len(data) + 1)
    longest = max(1, rng.choice((8, 256, len(data) // 20, len(data) // 2)))
    return start, min(len(data), start + rng.randrange(1, longest + 1))
