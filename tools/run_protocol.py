"""Run a whole table, methods x datasets x shots x class draws x seeds, and write it with its spread."""

import argparse
import fcntl
import shutil
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ga2mm.benchmark.plan import Benchmark, Cell, read_benchmark, sources, with_hashes
from ga2mm.benchmark.report import write_report
from ga2mm.benchmark.run_cell import provenance, read_result
from ga2mm.benchmark.scheduler import LOG, run_cells, slots_for, visible_gpus
from ga2mm.benchmark.tables import make_footer, make_tables, write_rows
from ga2mm.miniature.dataset import generate_all
from ga2mm.utils import one_line_errors, replace_when_written


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', type=Path, help='config of a benchmark')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/benchmarks/CONFIG')
    parser.add_argument('--dry-run', action='store_true', help='list the runs')
    parser.add_argument('--limit', type=int, help='run only the first so many')
    parser.add_argument(
        '--only',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='only these runs: method=, dataset=, shots=, draw=, seed=; several values with commas',
    )
    parser.add_argument(
        '--jobs', type=int, help='runs at a time (default: as many as GPUs or cores have room for)'
    )
    parser.add_argument(
        '--gpus-per-run', type=int, default=1, help='GPUs of each run; CPU processes without a GPU'
    )
    args = parser.parse_args()
    for name in ('limit', 'jobs', 'gpus_per_run'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name.replace("_", "-")} must be 1 or more')
    return args


def select(cells: list[Cell], only: list[str], limit: int | None) -> list[Cell]:
    """The cells that were asked for.

    Raises:
        ValueError: A key is unknown, or no cell is left.
    """
    for each in only:
        key, _, given = each.partition('=')
        if key not in ('method', 'dataset', 'shots', 'draw', 'seed') or not given:
            raise ValueError(f'--only {each}: write method=, dataset=, shots=, draw= or seed= and values')
        known = {str(getattr(cell, key)) for cell in cells}
        wanted = {given} if given in known else {value.strip() for value in given.split(',')}
        if not wanted <= known:
            there = ', '.join(sorted(known))
            raise ValueError(f'--only {each}: no run has {key} {min(wanted - known)}; there are {there}')
        # What learns nothing has neither seed nor shots, and is wanted with any.
        cells = [
            cell
            for cell in cells
            if str(getattr(cell, key)) in wanted or (key in ('seed', 'shots') and not cell.learns)
        ]
    if not cells:
        raise ValueError(f'--only {" ".join(only)} leaves no run; --dry-run lists them all')
    return cells[:limit]


def run(cells: list[Cell], work_dir: Path, args: argparse.Namespace) -> dict[str, str]:
    """Run the cells that are not finished; the lines that some failed with, by cell."""
    open_cells = [cell for cell in cells if read_result(cell, work_dir) is None]
    needed = sources(open_cells, lambda source: read_result(source, work_dir) is not None)
    slots = slots_for(args.jobs, visible_gpus(), args.gpus_per_run)
    code = provenance()
    failed: dict[str, str] = {}
    total, finished = len(needed) + len(cells), len(cells) - len(open_cells)
    with tqdm(total=total, initial=finished, desc='runs', unit='run', smoothing=0) as bar:

        def done(cell: Cell, error: str | None) -> None:
            bar.update()
            if error is not None:
                failed[str(cell)] = error
                bar.write(f'failed: {cell}: {error} (all of it: {work_dir / cell.folder / LOG})')

        waves: dict[int, list[Cell]] = {}
        for cell in [*needed, *open_cells]:
            waves.setdefault(_needed_by(cell, open_cells), []).append(cell)
        for _, wave in sorted(waves.items(), reverse=True):
            runnable = []
            for cell in wave:
                missing = [needed for needed in cell.needs if read_result(needed, work_dir) is None]
                if missing:
                    done(cell, f'the run that it builds on failed: {missing[0]}')
                else:
                    runnable.append(cell)
            _put_aside(runnable, work_dir)
            if runnable:
                run_cells(runnable, work_dir, slots, args.gpus_per_run, code, done)
    return failed


def _needed_by(cell: Cell, cells: list[Cell]) -> int:
    """How many runs in a row wait for a cell: 0 where none does."""

    def steps(other: Cell) -> int:
        if other.folder == cell.folder:
            return 0
        return max((1 + below for below in map(steps, other.needs) if below >= 0), default=-1)

    return max((steps(other) for other in cells), default=0)


def _put_aside(cells: list[Cell], work_dir: Path) -> None:
    """Rename what a run with another config left in a cell's place; a killed run of this one goes on."""
    for cell in cells:
        folder = work_dir / cell.folder
        mark = folder / 'config_hash.txt'
        if folder.exists():
            found = mark.read_text() if mark.is_file() else 'unknown'
            if found == cell.config_hash:
                continue
            aside = folder.with_name(f'{folder.name}_{found}')
            shutil.rmtree(aside, ignore_errors=True)  # of the same config, and older
            folder.rename(aside)
        with replace_when_written(mark) as temporary:
            temporary.write_text(cell.config_hash)


def write_results(benchmark: Benchmark, work_dir: Path) -> None:
    """Write rows, tables and the report of all finished cells, and print the tables."""
    rows = [row for row in (read_result(cell, work_dir) for cell in benchmark.cells) if row is not None]
    if not rows:
        return
    write_rows(rows, work_dir)
    tables = make_tables(benchmark, rows)
    footer = make_footer(benchmark, rows)
    text = '\n\n'.join([*(table.markdown() for table in tables), footer]) + '\n'
    with replace_when_written(work_dir / 'table.md') as temporary:
        temporary.write_text(text)
    print(f'\n{text}\nfiles: {work_dir}', flush=True)
    write_report(benchmark, rows, tables, footer, work_dir)


def main() -> None:
    """Plan, run, write."""
    args = parse_args()
    work_dir = (args.work_dir or Path('work_dirs/benchmarks') / args.config.stem).resolve()
    benchmark = read_benchmark(args.config, work_dir)
    if args.dry_run:
        chosen = select(benchmark.cells, args.only, args.limit)
        for cell in [*sources(chosen), *chosen]:
            print(cell)
        print(f'{len(chosen)} runs, and {len(sources(chosen))} that they build on')
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / 'lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f'{work_dir} is in use by another run of this tool: wait, or give --work-dir'
            ) from None
        for world in benchmark.worlds:
            generate_all('data/miniature', **world)
        chosen = select(benchmark.cells, args.only, args.limit)
        benchmark = replace(benchmark, cells=with_hashes(benchmark.cells, chosen, args.gpus_per_run))
        failed = run(select(benchmark.cells, args.only, args.limit), work_dir, args)
        write_results(benchmark, work_dir)
    if failed:
        raise ValueError(f'{len(failed)} of the runs failed; start again to repeat them')


if __name__ == '__main__':
    with one_line_errors():
        main()
