"""How long runs take on GPUs, from the work of the runs and the rate of a card."""

import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.plan import Benchmark, sources
from ga2mm.benchmark.tables import Table
from ga2mm.benchmark.work import Work, work_of

PEAKS = {
    'H200': 67.0,
    'H100': 67.0,
    'L40S': 91.6,
    'A100': 19.5,
    'A6000': 38.7,
    'RTX 4090': 82.6,
    'RTX 3090': 35.6,
    'V100': 15.7,
}
"""Tera float32 operations a second of cards without tensor cores, which PyTorch's default leaves unused.

Source: the makers' data sheets. Nothing here has been measured.
"""

SHARE = 0.6
"""Share of a card's peak that a step reaches. An assumption: a CPU reaches 0.87 to 0.92 of its peak."""

CLIP_SECONDS, WORKERS = 0.15, 8
"""Seconds in which one worker decodes a clip, an assumption for videos of 340 x 256, and workers of a GPU."""

START_SECONDS = 60.0
"""Seconds of a run before its first step: imports, weights and the check of its lists. An assumption."""


@dataclass(frozen=True)
class Rate:
    """The rate of a card.

    Args:
        card: Its name.
        teraflops: Tera operations a second of a training step.
        source: Where the rate comes from: measured or computed.
    """

    card: str
    teraflops: float
    source: str

    def seconds(self, work: Work, processes: int) -> float:
        """Compute the seconds of a run; loading and computing overlap."""
        step = max(work.step_operations / self.teraflops / 1e3, work.step_clips * CLIP_SECONDS / WORKERS)
        clip = max(work.clip_operations / self.teraflops / 1e3, CLIP_SECONDS / WORKERS)
        return START_SECONDS + work.steps * step + work.test_clips / processes * clip


def computed_rate(card: str) -> Rate:
    """Give the rate of a card from its data sheet.

    Raises:
        ValueError: The card is unknown.
    """
    name = next((known for known in PEAKS if known.lower() in card.lower()), None)
    if name is None:
        raise ValueError(
            f'the rate of a {card} is unknown (known: {", ".join(PEAKS)}); measure it by '
            'tools/analysis/benchmark_speed.py --device cuda --out FILE and give --speed FILE'
        )
    return Rate(name, SHARE * PEAKS[name], f'computed, not measured: {SHARE:.0%} of the data sheet')


def measured_rate(path: Path) -> Rate:
    """Read the rate of a training step from the file that ``benchmark_speed.py --out`` wrote.

    Raises:
        OSError: The file does not exist or cannot be opened.
        ValueError: The file is another one, or has no training step of ours.
    """
    try:
        content = json.loads(path.read_text())
        rates = [
            float(one['teraflops'])
            for one in content['results']
            if one['towers'] == 'ours' and one['job'] == 'training'
        ]
        return Rate(str(content['device']), min(rates), f'measured: {path}')
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} has no training step of ours: give the file of benchmark_speed.py --out ({error})'
        ) from None


def plan_table(
    benchmarks: Sequence[Benchmark], chosen: Sequence[Cell], rates: Sequence[Rate], gpus: int, per_run: int
) -> Table:
    """Make a table of runs and hours: a row for each table of a benchmark, and one for all.

    Args:
        benchmarks, chosen: The tables of a benchmark, and the cells to run.
        rates: Rates of cards, one column each.
        gpus, per_run: All GPUs, and those of one run.

    Raises:
        ValueError: The work of a run is unknown, or there are fewer GPUs than a run needs.
    """
    if gpus < per_run:
        raise ValueError(f'--gpus-per-run {per_run}: there are {gpus} GPUs')
    order = [*sources(list(chosen)), *chosen]
    sizes = {path: size for each in benchmarks for path, size in each.sizes.items()}
    work = {cell.folder: work_of(cell, sizes, per_run) for cell in order}
    seconds = [{folder: rate.seconds(one, per_run) for folder, one in work.items()} for rate in rates]
    rows = []
    for name in dict.fromkeys(cell.table for cell in order):
        cells = [cell for cell in order if cell.table == name]
        hours = [per_run * sum(one[cell.folder] for cell in cells) / 3600 for one in seconds]
        steps = sum(work[cell.folder].steps for cell in cells)
        label = name or ('hard prompts' if len(chosen) < len(order) and chosen[0].table else 'runs')
        rows.append([label, str(len(cells)), str(steps), *(f'{one:.1f}' for one in hours)])
    total = [sum(float(row[place]) for row in rows) for place in range(3, 3 + len(rates))]
    rows.append(['all, hours of one GPU', str(len(order)), '', *(f'{one:.1f}' for one in total)])
    ends = [finish(order, one, gpus // per_run) / 3600 for one in seconds]
    rows.append([f'all, hours on {gpus} GPUs', '', '', *(f'{one:.1f}' for one in ends)])
    heading = f'{gpus} GPUs, {per_run} for each run; rates are ' + '; '.join(
        dict.fromkeys(rate.source for rate in rates)
    )
    return Table(heading, ['table', 'runs', 'steps', *(rate.card for rate in rates)], rows)


def finish(cells: Sequence[Cell], seconds: dict, slots: int) -> float:
    """Compute when the last cell ends if each starts in a free slot after those that it needs."""
    free, ends = [0.0] * slots, {}
    for cell in cells:
        ready = max((ends.get(needed.folder, 0.0) for needed in cell.needs), default=0.0)
        ends[cell.folder] = max(heapq.heappop(free), ready) + seconds[cell.folder]
        heapq.heappush(free, ends[cell.folder])
    return max(ends.values(), default=0.0)
