"""Selection of cells of a benchmark."""

from collections.abc import Sequence

from ga2mm.benchmark.cell import Cell

KEYS = ('method', 'dataset', 'shots', 'draw', 'seed', 'table')


def select(cells: list[Cell], only: Sequence[str] = (), limit: int | None = None) -> list[Cell]:
    """Select cells by their names and numbers.

    Args:
        cells: All cells of a benchmark.
        only: ``KEY=VALUE`` for each key to select by; several values are separated by commas.
        limit: Maximum number of cells; None for all.

    Raises:
        ValueError: A key or a value is unknown, or no cell is left.
    """
    for each in only:
        key, _, given = each.partition('=')
        if key not in KEYS or not given:
            raise ValueError(
                f'--only {each}: write method=, dataset=, shots=, draw=, seed= or table= and values'
            )
        known = {str(getattr(cell, key)) for cell in cells}
        wanted = {given} if given in known else {value.strip() for value in given.split(',')}
        if not wanted <= known:
            there = ', '.join(sorted(known))
            raise ValueError(f'--only {each}: no run has {key} {min(wanted - known)}; the values are {there}')
        # A method that learns nothing has neither seed nor shots, and matches any.
        cells = [
            cell
            for cell in cells
            if str(getattr(cell, key)) in wanted or (key in ('seed', 'shots') and not cell.learns)
        ]
    if not cells:
        raise ValueError(f'--only {" ".join(only)} leaves no run; --dry-run lists them all')
    return cells[:limit]
