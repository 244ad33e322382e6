"""Small helpers that depend on no other module of the package."""

import fcntl
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NAMED = 5
"""Number of items that a message names."""

LONGEST = 500
"""Number of characters of each item that a message shows."""

_IN_WORKER = re.compile(
    r'^Caught \w+ in DataLoader worker process \d+\.\nOriginal Traceback.*\n\S+: ', re.DOTALL
)


@contextmanager
def replace_when_written(path: str | Path) -> Iterator[Path]:
    """Give a temporary path next to ``path`` that replaces it if the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    temporary = Path(name)
    try:
        with suppress(OSError):  # some file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file, whole or not at all."""
    with replace_when_written(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def remove_leftovers(folder: str | Path, names: str) -> None:
    """Remove temporary files of :func:`replace_when_written` that killed processes left in a folder.

    A file that a process is still writing is locked and stays.

    Args:
        folder: The folder.
        names: A regular expression for the final names of the files.
    """
    temporary = re.compile(rf'\.({names})\.[a-z0-9_]{{8}}')
    for path in Path(folder).glob('.*'):
        if not temporary.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        with path.open('rb') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            path.unlink(missing_ok=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn input errors into one line and exit status 1; ``GA2MM_TRACEBACK=1`` shows the traceback.

    If a DataLoader re-raises the error of a worker process, the line is the worker's message.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        if os.environ.get('GA2MM_TRACEBACK') == '1':
            raise
        sys.exit(f'error: {" ".join(_IN_WORKER.sub("", str(error)).split())}')


def first_few(items: Sequence[str], separator: str = ', ') -> str:
    """Join the first few items and count the others: ``'a, b, c, d, e and 3 more'``."""
    more = len(items) - NAMED
    named = [item if len(item) <= LONGEST else f'{item[:LONGEST]}...' for item in items[:NAMED]]
    return separator.join(named) + (f' and {more} more' if more > 0 else '')


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Give the known name most similar to a name; None if all are too different."""
    by_lower = {str(one).lower(): str(one) for one in known}
    found = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def numbered(names: Sequence[str]) -> list[str]:
    """Number the names that occur more than once: ``'a_1', 'a_2'``."""
    return [
        name if names.count(name) == 1 else f'{name}_{names[: place + 1].count(name)}'
        for place, name in enumerate(names)
    ]


def cosines(videos: 'Tensor', names: 'Tensor') -> 'Tensor':
    """Compute cosines (V, N) of unit features.

    Args:
        videos: Features (V, D).
        names: Features (N, D), or (V, N, D) if they differ for each video.
    """
    if names.dim() == 2:
        return videos @ names.t()
    return (names @ videos.unsqueeze(-1)).squeeze(-1)


def at_least_float32(value: 'Tensor') -> 'Tensor':
    """Convert a tensor to float32 unless its type is more precise."""
    import torch  # the command line needs this module without torch

    return value.to(torch.promote_types(value.dtype, torch.float32))


def process_context(on_gpu: bool, preload: str) -> BaseContext:
    """Give the context in which to start processes.

    On the CPU they are forked from a process that has imported the module ``preload``, which saves the
    seconds of its imports for each. With GPUs they are spawned, because the imports initialise CUDA, and CUDA
    does not survive a fork.
    """
    if on_gpu:
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([preload])
    return context
