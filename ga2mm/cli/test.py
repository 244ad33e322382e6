"""``ga2mm test``: test a run again."""

from pathlib import Path
from typing import Annotated

import typer


def test(
    run: Annotated[Path, typer.Argument(help='Folder that `ga2mm train` has written.', show_default=False)],
) -> None:
    """Test a run again and write its report again, after its videos or the code have changed."""
    from ga2mm.apis.own_run import test_run
    from ga2mm.cli.terminal import quiet, show_table
    from ga2mm.visualization import ACCURACY_COLUMNS, accuracy_rows, write_run_report

    if not run.is_dir():
        raise FileNotFoundError(f'{run}: no such folder')
    with quiet(run / 'output.log'):
        metrics = test_run(run)
        report = write_run_report(run, run.resolve().name)
    show_table(ACCURACY_COLUMNS, accuracy_rows(metrics))
    typer.echo(f'report: {report}')
