"""Run a benchmark (methods x datasets x shots x class draws x seeds) and write its tables with intervals."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from ga2mm.benchmark.plan import Benchmark


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', type=Path, help='config of a benchmark')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/benchmarks/CONFIG')
    parser.add_argument('--dry-run', action='store_true', help='list the runs and start none')
    parser.add_argument('--limit', type=int, help='run only this many runs, the first ones')
    parser.add_argument(
        '--only',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='only these runs: method=, dataset=, shots=, draw=, seed=; several values with commas',
    )
    parser.add_argument(
        '--jobs', type=int, help='number of runs at a time (default: as many as GPUs or cores allow)'
    )
    parser.add_argument(
        '--gpus-per-run', type=int, default=1, help='GPUs of each run, or CPU processes if there is no GPU'
    )
    args = parser.parse_args()
    for name in ('limit', 'jobs', 'gpus_per_run'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name.replace("_", "-")} must be 1 or more')
    return args


def print_runs(benchmark: 'Benchmark', args: argparse.Namespace) -> None:
    """Print the selected runs after the runs that they depend on."""
    from ga2mm.benchmark.plan import sources
    from ga2mm.benchmark.selection import select

    chosen = select(benchmark.cells, args.only, args.limit)
    for cell in [*sources(chosen), *chosen]:
        print(cell)
    print(f'{len(chosen)} runs, and {len(sources(chosen))} that they build on')


def main() -> None:
    """Run the command line."""
    args = parse_args()

    from ga2mm.benchmark.plan import read_benchmark
    from ga2mm.benchmark.run_benchmark import run_benchmark
    from ga2mm.miniature.dataset import generate_all

    work_dir = (args.work_dir or Path('work_dirs/benchmarks') / args.config.stem).resolve()
    benchmark = read_benchmark(args.config, work_dir)

    def generate_worlds() -> None:
        for world in benchmark.worlds:
            generate_all('data/miniature', **world)

    if args.dry_run:
        print_runs(benchmark, args)
    else:
        run_benchmark(
            benchmark, work_dir, args.only, args.limit, args.jobs, args.gpus_per_run, generate_worlds
        )


if __name__ == '__main__':
    with one_line_errors():
        main()
