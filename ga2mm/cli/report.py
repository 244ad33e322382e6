"""``ga2mm report``: write the report of a run."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[
        Path,
        typer.Argument(help='Folder of a tested run, of `ga2mm train` or tools/test.py.', show_default=False),
    ],
) -> None:
    """Write report.html with accuracies, learning curves and confusion matrices of a run."""
    from ga2mm.visualization import write_run_report

    if not run.is_dir():
        raise FileNotFoundError(f'{run}: no such folder')
    typer.echo(write_run_report(run, run.resolve().name))
