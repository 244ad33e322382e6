"""Run a benchmark (methods x datasets x shots x class draws x seeds) and write its tables with intervals.

Before it starts, it looks for lists, videos, weights and room on the disk, names all that is missing, and
says how long the runs take on the GPUs. Several of these processes, on one or several machines, may work in
one folder: each run is taken by one of them.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from ga2mm.benchmark.cell import Cell
    from ga2mm.benchmark.plan import Benchmark


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', type=Path, help='config of a benchmark')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/benchmarks/CONFIG')
    parser.add_argument(
        '--dry-run', action='store_true', help='list the runs, and with --gpus their hours; start none'
    )
    parser.add_argument('--limit', type=int, help='run only this many runs, the first ones')
    parser.add_argument(
        '--only',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='only these runs: table=, method=, dataset=, shots=, draw=, seed=; several values with commas',
    )
    parser.add_argument(
        '--jobs', type=int, help='number of runs at a time (default: as many as GPUs or cores allow)'
    )
    parser.add_argument(
        '--gpus-per-run', type=int, default=1, help='GPUs of each run, or CPU processes if there is no GPU'
    )
    plan = parser.add_argument_group('how long it takes')
    plan.add_argument('--gpus', type=int, help='GPUs of all machines (default: those of this machine)')
    plan.add_argument(
        '--card', help='name of the GPUs: H100, A100, ... (default: those of this machine, or all)'
    )
    plan.add_argument(
        '--speed',
        type=Path,
        metavar='FILE',
        help='rate measured by tools/analysis/benchmark_speed.py --out FILE',
    )
    several = parser.add_argument_group('several machines')
    several.add_argument(
        '--submit', choices=('slurm', 'local', 'debug'), help='start --machines jobs by submitit and wait'
    )
    several.add_argument('--machines', type=int, default=1, help='number of jobs (default: 1)')
    several.add_argument(
        '--submit-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='parameters of submitit: gpus_per_node=8 timeout_min=2880 slurm_partition=gpu ...',
    )
    args = parser.parse_args()
    for name in ('limit', 'jobs', 'gpus_per_run', 'gpus', 'machines'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name.replace("_", "-")} must be 1 or more')
    return args


def print_runs(chosen: list['Cell']) -> None:
    """Print the selected runs after the runs that they depend on."""
    from ga2mm.benchmark.plan import sources

    for cell in [*sources(chosen), *chosen]:
        print(cell)
    print(f'{len(chosen)} runs, and {len(sources(chosen))} that they build on')


def print_plan(benchmarks: list['Benchmark'], chosen: list['Cell'], args: argparse.Namespace) -> None:
    """Print how long the selected runs take, if GPUs are given or here."""
    from ga2mm.benchmark.estimate import PEAKS, computed_rate, measured_rate, plan_table
    from ga2mm.benchmark.plan import sources
    from ga2mm.benchmark.preflight import room_for
    from ga2mm.benchmark.scheduler import card_name, visible_gpus

    gpus = args.gpus or args.machines * len(visible_gpus())
    if not gpus:
        return
    card = args.card or card_name()
    if args.speed is not None:
        rates = [measured_rate(args.speed)]
    else:
        rates = [computed_rate(each) for each in ([card] if card else PEAKS)]
    print(plan_table(benchmarks, chosen, rates, gpus, args.gpus_per_run).markdown())
    cells = [*sources(chosen), *chosen]
    room = room_for(cells, [cell.read_config() for cell in cells])
    print(f'disk: at most {room / 2**30:.0f} GiB', flush=True)


def check(chosen: list['Cell'], work_dir: Path) -> None:
    """Print one line for each missing thing, and end if the runs need it."""
    from ga2mm.benchmark.preflight import missing_things

    missing, warnings = missing_things(chosen, work_dir)
    for line in warnings:
        print(f'warning: {line}', flush=True)
    for line in missing:
        print(f'missing: {line}', flush=True)
    if missing:
        raise ValueError(f'{len(missing)} things are missing, see the lines above; no run was started')


def job_command(args: argparse.Namespace, work_dir: Path) -> list[str]:
    """Give the words of the command that each machine runs."""
    words = [str(Path(__file__).resolve()), str(args.config.resolve()), '--work-dir', str(work_dir)]
    for name in ('limit', 'jobs', 'gpus_per_run'):
        if getattr(args, name) is not None:
            words += [f'--{name.replace("_", "-")}', str(getattr(args, name))]
    return words + (['--only', *args.only] if args.only else [])


def main() -> None:
    """Run the command line."""
    args = parse_args()

    from ga2mm.benchmark.plan import all_cells, read_benchmarks
    from ga2mm.benchmark.run_benchmark import locked, run_benchmarks
    from ga2mm.benchmark.selection import select
    from ga2mm.miniature.dataset import generate_all

    work_dir = (args.work_dir or Path('work_dirs/benchmarks') / args.config.stem).resolve()
    benchmarks = read_benchmarks(args.config, work_dir)
    chosen = select(all_cells(benchmarks), args.only, args.limit)
    if args.dry_run:
        print_runs(chosen)
        print_plan(benchmarks, chosen, args)
        return
    with locked(work_dir):
        for world in [world for each in benchmarks for world in each.worlds]:
            generate_all('data/miniature', **world)
    check(chosen, work_dir)
    try:
        print_plan(benchmarks, chosen, args)
    except ValueError as error:  # the runs do not need the plan
        print(f'how long this takes is unknown: {error}', flush=True)
    if args.submit is not None:
        from ga2mm.benchmark.submit import submit

        submit(
            args.submit, args.machines, args.submit_options, job_command(args, work_dir), work_dir / 'jobs'
        )
        return
    run_benchmarks(benchmarks, work_dir, args.only, args.limit, args.jobs, args.gpus_per_run)


if __name__ == '__main__':
    with one_line_errors():
        main()
