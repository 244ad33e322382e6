"""Output of the commands on the terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], titles: int = 1) -> None:
    """Print a table whose first columns, ``titles`` of them, are texts and the others numbers."""
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify='left' if number < titles else 'right', no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 1000  # a file has no width
    console.print(table)


@contextmanager
def quiet(log: Path) -> Iterator[Callable[[str], None]]:
    """Write what libraries print and log into a file; give a function that still prints on the terminal."""
    terminal = sys.stdout
    log.parent.mkdir(parents=True, exist_ok=True)
    file = log.open('a', encoding='utf-8', buffering=1)  # stays open, since MMEngine's loggers keep it
    with redirect_stdout(file), redirect_stderr(file):
        yield partial(print, file=terminal, flush=True)
