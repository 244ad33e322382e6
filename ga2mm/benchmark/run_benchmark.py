"""Run the unfinished cells of a benchmark, dependencies first, and write the results."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ga2mm.benchmark.budget import check_budgets
from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.config_hash import with_hashes
from ga2mm.benchmark.open_cells import OpenCells
from ga2mm.benchmark.plan import Benchmark, all_cells, sources
from ga2mm.benchmark.report import write_report
from ga2mm.benchmark.results_page import fill_page
from ga2mm.benchmark.run_cell import provenance, read_result
from ga2mm.benchmark.scheduler import LOG, run_cells, slots_for, visible_gpus
from ga2mm.benchmark.selection import select
from ga2mm.benchmark.tables import make_footer, make_tables, write_rows
from ga2mm.utils import write_text


def run_benchmarks(
    benchmarks: list[Benchmark],
    work_dir: Path,
    only: Sequence[str] = (),
    limit: int | None = None,
    jobs: int | None = None,
    gpus_per_run: int = 1,
) -> None:
    """Run the unfinished cells, and write the results of all finished cells.

    Several processes may do this in one folder at a time: each cell is run by one of them.

    Args:
        benchmarks: The tables of a benchmark.
        work_dir: Its folder.
        only, limit: Selection of the cells, see :func:`~ga2mm.benchmark.selection.select`.
        jobs: Number of parallel cells; None for as many as the GPUs or cores allow.
        gpus_per_run: GPUs of each cell; without a GPU, CPU processes of each cell.

    Raises:
        OSError: A list or label map does not exist.
        ValueError: The budgets of methods differ, or runs failed.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    cells = all_cells(benchmarks)
    with_hash = {cell.folder: cell for cell in with_hashes(cells, select(cells, only, limit), gpus_per_run)}
    benchmarks = [replace(each, cells=[with_hash[cell.folder] for cell in each.cells]) for each in benchmarks]
    for each in benchmarks:
        check_budgets(each.cells)
    failed = _run_open_cells(select(all_cells(benchmarks), only, limit), work_dir, jobs, gpus_per_run)
    with locked(work_dir):
        for each in benchmarks:
            _write_results(each, work_dir)
    if failed:
        raise ValueError(f'{failed} runs failed; start the tool again to repeat them')


@contextmanager
def locked(work_dir: Path) -> Iterator[None]:
    """Keep other processes out of this block, which writes files that they write too."""
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run_open_cells(cells: list[Cell], work_dir: Path, jobs: int | None, gpus_per_run: int) -> int:
    """Run the unfinished cells and those that they need, and return the number of failures."""
    open_cells = [cell for cell in cells if read_result(cell, work_dir) is None]
    needed = sources(open_cells, lambda source: read_result(source, work_dir) is not None)
    slots = slots_for(jobs, visible_gpus(), gpus_per_run)
    code = provenance()
    failed: set[str] = set()
    total, finished = len(needed) + len(cells), len(cells) - len(open_cells)
    with tqdm(total=total, initial=finished, desc='runs', unit='run', smoothing=0) as bar:

        def done(cell: Cell, error: str | None) -> None:
            bar.update()
            if error is not None:
                failed.add(str(cell))
                bar.write(f'failed: {cell}: {error} (full log: {work_dir / cell.folder / LOG})')

        run_cells(OpenCells([*needed, *open_cells], work_dir, done), slots, gpus_per_run, code, done)
    return len(failed)


def _write_results(benchmark: Benchmark, work_dir: Path) -> None:
    """Write rows, tables and report of all finished cells of a table, and print the tables."""
    rows = [row for row in (read_result(cell, work_dir) for cell in benchmark.cells) if row is not None]
    if not rows:
        return
    folder = work_dir / benchmark.table
    write_rows(rows, folder)
    tables = make_tables(benchmark, rows)
    footer = make_footer(benchmark, rows)
    text = '\n\n'.join([*(table.markdown() for table in tables), footer]) + '\n'
    write_text(folder / 'table.md', text)
    print(f'\n{text}\nfiles: {folder}', flush=True)
    if benchmark.results is not None:
        fill_page(benchmark, rows)
    write_report(benchmark, rows, tables, footer, work_dir)
