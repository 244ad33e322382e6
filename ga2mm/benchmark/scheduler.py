"""Runs cells side by side, each in a fresh process."""

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import wait
from pathlib import Path
from queue import SimpleQueue

from ga2mm.benchmark.plan import Cell

LOG = 'log.txt'


def run_cells(
    cells: list[Cell],
    work_dir: Path,
    slots: list[list[int]],
    processes: int,
    done: Callable[[Cell, str | None], None],
) -> None:
    """Run cells, as many at a time as there are slots.

    A cell's process is forked from one that has imported everything already, and ends with this one, even
    if this one is killed. What it prints goes to ``log.txt`` in the cell's folder.

    Args:
        cells: Cells that do not depend on one another.
        work_dir: The benchmark's folder.
        slots: The GPUs of each slot; empty lists for runs on the CPU.
        processes: Processes a cell: the GPUs of one run.
        done: Called after each cell with the cell and the line that it failed with, or None.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['ga2mm.benchmark.run_cell'])
    free: SimpleQueue[list[int]] = SimpleQueue()
    for slot in slots:
        free.put(slot)
    running: set[multiprocessing.Process] = set()

    def run(cell: Cell) -> str | None:
        slot = free.get()
        process = context.Process(target=_child, args=(cell, work_dir, slot, processes))
        try:
            process.start()
            running.add(process)
            process.join()
        finally:
            running.discard(process)
            free.put(slot)
        return None if process.exitcode == 0 else _last_line(work_dir / cell.folder / LOG, process.exitcode)

    with ThreadPoolExecutor(len(slots)) as pool:
        futures = {pool.submit(run, cell): cell for cell in cells}
        try:
            for future in as_completed(futures):
                done(futures[future], future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.terminate()
            raise


def _child(cell: Cell, work_dir: Path, gpus: list[int], processes: int) -> None:
    """What the process of a cell does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = work_dir / cell.folder
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if gpus:
        os.environ['CUDA_VISIBLE_DEVICES'] = ','.join(map(str, gpus))
    try:
        if processes == 1:
            from ga2mm.benchmark.run_cell import run_cell

            run_cell(cell, work_dir)
        else:
            _launch(cell, work_dir, processes)
    except Exception as error:
        traceback.print_exc()
        print(f'{type(error).__name__}: {" ".join(str(error).split())}', flush=True)
        sys.exit(1)


def _launch(cell: Cell, work_dir: Path, processes: int) -> None:
    """Run a cell in several processes of this machine, as torchrun would."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from ga2mm.benchmark.run_cell import run_cell

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend='c10d',
        rdzv_endpoint='localhost:0',
        max_restarts=0,
        start_method='forkserver',
    )
    elastic_launch(config, run_cell)(cell, work_dir, 'pytorch')


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _last_line(log: Path, exitcode: int) -> str:
    """Why a cell failed."""
    if exitcode < 0:
        return f'killed by signal {-exitcode}'
    lines = log.read_text(errors='replace').split('\n') if log.is_file() else []
    return next((line for line in reversed(lines) if line.strip()), f'exit status {exitcode}')


def slots_for(jobs: int | None, gpus: int, gpus_per_run: int) -> list[list[int]]:
    """The GPUs of each cell that runs at a time; empty lists where there is no GPU.

    Args:
        jobs: Cells at a time; None for as many as fit.
        gpus: GPUs of this machine.
        gpus_per_run: GPUs, or CPU processes where there is no GPU, for each cell.

    Raises:
        ValueError: There is no room for one cell, or not for so many.
    """
    if gpus:
        room = gpus // gpus_per_run
        if room < 1:
            raise ValueError(f'--gpus-per-run {gpus_per_run}: this machine has {gpus} GPUs')
        if jobs is not None and jobs > room:
            raise ValueError(
                f'--jobs {jobs} with {gpus_per_run} GPUs a run: {gpus} GPUs have room for {room}'
            )
        return [
            list(range(first * gpus_per_run, (first + 1) * gpus_per_run)) for first in range(jobs or room)
        ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return [[] for _ in range(jobs or max(1, cores // gpus_per_run))]
