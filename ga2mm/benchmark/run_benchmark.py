"""Run the unfinished cells of a benchmark in the order of their dependencies, and write the results."""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ga2mm.benchmark.budget import check_budgets
from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.config_hash import with_hashes
from ga2mm.benchmark.plan import Benchmark, sources
from ga2mm.benchmark.report import write_report
from ga2mm.benchmark.run_cell import provenance, read_result
from ga2mm.benchmark.scheduler import LOG, run_cells, slots_for, visible_gpus
from ga2mm.benchmark.selection import select
from ga2mm.benchmark.tables import make_footer, make_tables, write_rows
from ga2mm.utils import write_text


def run_benchmark(
    benchmark: Benchmark,
    work_dir: Path,
    only: Sequence[str] = (),
    limit: int | None = None,
    jobs: int | None = None,
    gpus_per_run: int = 1,
    prepare: Callable[[], None] = lambda: None,
) -> None:
    """Run the unfinished cells, and write the results of all finished cells.

    Args:
        benchmark: The benchmark.
        work_dir: Its folder.
        only, limit: Selection of the cells, see :func:`~ga2mm.benchmark.selection.select`.
        jobs: Number of parallel cells; None for as many as the GPUs or cores allow.
        gpus_per_run: GPUs of each cell; without a GPU, CPU processes of each cell.
        prepare: Function that generates data; called before any file is read that the configs name.

    Raises:
        OSError: A list or label map does not exist.
        ValueError: Another process runs a benchmark in this folder, the budgets of methods differ, or runs
            failed.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with _lock(work_dir):
        prepare()
        chosen = select(benchmark.cells, only, limit)
        benchmark = replace(benchmark, cells=with_hashes(benchmark.cells, chosen, gpus_per_run))
        check_budgets(benchmark.cells)
        failed = _run_open_cells(select(benchmark.cells, only, limit), work_dir, jobs, gpus_per_run)
        _write_results(benchmark, work_dir)
    if failed:
        raise ValueError(f'{failed} runs failed; start the tool again to repeat them')


@contextmanager
def _lock(work_dir: Path) -> Iterator[None]:
    """Lock a folder against other processes that run a benchmark in it."""
    with (work_dir / 'lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f'{work_dir} is in use by another run of this tool: wait, or give --work-dir'
            ) from None
        yield


def _run_open_cells(cells: list[Cell], work_dir: Path, jobs: int | None, gpus_per_run: int) -> int:
    """Run the unfinished cells, dependencies first, and return the number of failures."""
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

        for wave in _waves([*needed, *open_cells], open_cells):
            runnable = []
            for cell in wave:
                missing = [source for source in cell.needs if read_result(source, work_dir) is None]
                if missing:
                    done(cell, f'the run that it builds on failed: {missing[0]}')
                else:
                    runnable.append(cell)
            _put_aside(runnable, work_dir)
            if runnable:
                run_cells(runnable, work_dir, slots, gpus_per_run, code, done)
    return len(failed)


def _waves(cells: list[Cell], wanted: list[Cell]) -> list[list[Cell]]:
    """Sort cells, wanted or needed by wanted ones, into groups that depend on earlier groups only."""
    waves: dict[int, list[Cell]] = {}
    for cell in cells:
        waves.setdefault(_needed_by(cell, wanted), []).append(cell)
    return [wave for _, wave in sorted(waves.items(), reverse=True)]


def _needed_by(cell: Cell, cells: list[Cell]) -> int:
    """Give the length of the longest chain of runs that depend on a cell; 0 if no run does."""

    def steps(other: Cell) -> int:
        if other.folder == cell.folder:
            return 0
        return max((1 + below for below in map(steps, other.needs) if below >= 0), default=-1)

    return max((steps(other) for other in cells), default=0)


def _write_results(benchmark: Benchmark, work_dir: Path) -> None:
    """Write rows, tables and report of all finished cells, and print the tables."""
    rows = [row for row in (read_result(cell, work_dir) for cell in benchmark.cells) if row is not None]
    if not rows:
        return
    write_rows(rows, work_dir)
    tables = make_tables(benchmark, rows)
    footer = make_footer(benchmark, rows)
    text = '\n\n'.join([*(table.markdown() for table in tables), footer]) + '\n'
    write_text(work_dir / 'table.md', text)
    print(f'\n{text}\nfiles: {work_dir}', flush=True)
    write_report(benchmark, rows, tables, footer, work_dir)


def _put_aside(cells: list[Cell], work_dir: Path) -> None:
    """Rename the cell folders of runs with another config; killed runs of the same config are resumed."""
    for cell in cells:
        folder = work_dir / cell.folder
        mark = folder / 'config_hash.txt'
        if folder.exists():
            found = mark.read_text() if mark.is_file() else 'unknown'
            if found == cell.config_hash:
                continue
            aside = folder.with_name(f'{folder.name}_{found}')
            shutil.rmtree(aside, ignore_errors=True)  # an older run of that config
            folder.rename(aside)
        write_text(mark, cell.config_hash)
