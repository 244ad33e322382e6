"""Run cells in parallel, each in a new process."""

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch

from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.open_cells import OpenCells
from ga2mm.utils import process_context

LOG = 'log.txt'
ERROR = 'error.txt'
PRELOAD = 'ga2mm.benchmark.run_cell'
"""The module that has imported everything that a cell needs."""
SECONDS = 2.0
"""Time between two looks for cells that other processes have finished. Design choice."""


def run_cells(
    cells: OpenCells,
    slots: list[list[str]],
    processes: int,
    provenance: dict[str, Any],
    done: Callable[[Cell, str | None], None],
) -> None:
    """Run cells in parallel, one per slot, until this and all other processes have finished them.

    A cell's process ends with this one, even if this one is killed. Its output goes to ``log.txt`` in the
    cell's folder.

    Args:
        cells: The cells to run.
        slots, processes: From :func:`slots_for`, and the number of processes of each cell.
        provenance: Versions and commit of the code, for the rows.
        done: Called after each cell with the cell and its error line, or None if it succeeded.
    """
    context = process_context(on_gpu=bool(slots[0]), preload=PRELOAD)
    work_dir, free = cells.work_dir, list(slots)
    running: dict[int, tuple[multiprocessing.Process, Cell, list[str]]] = {}
    try:
        while True:
            while free and (cell := cells.take()) is not None:
                slot = free.pop()
                arguments = (cell, work_dir, slot, processes, provenance)
                process = context.Process(target=_child, args=arguments)
                process.start()
                running[process.sentinel] = process, cell, slot
            if not running and not len(cells):
                break
            # Cells that other processes run may end at any time.
            for sentinel in wait(list(running), timeout=SECONDS if len(cells) else None):
                process, cell, slot = running.pop(sentinel)
                process.join()
                free.append(slot)
                cells.release(cell)
                failed = process.exitcode != 0
                done(cell, _reason(work_dir / cell.folder, process.exitcode) if failed else None)
    finally:
        for process, _, _ in running.values():
            process.terminate()


def _child(cell: Cell, work_dir: Path, gpus: list[str], processes: int, provenance: dict[str, Any]) -> None:
    """Run a cell; this is the target of its process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = work_dir / cell.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if gpus:
        os.environ['CUDA_VISIBLE_DEVICES'] = ','.join(gpus)
    if processes == 1:
        _run(cell, work_dir, 1, provenance, 'none')
        return
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Like torchrun on one machine.
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend='c10d',
        rdzv_endpoint='localhost:0',
        local_addr='127.0.0.1',
        max_restarts=0,
        start_method='spawn',
    )
    elastic_launch(config, _worker)(cell, work_dir, processes, provenance)


def _worker(cell: Cell, work_dir: Path, processes: int, provenance: dict[str, Any]) -> None:
    """Run a cell in one of its several processes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _run(cell, work_dir, processes, provenance, 'pytorch')


def _run(cell: Cell, work_dir: Path, processes: int, provenance: dict[str, Any], launcher: str) -> None:
    from ga2mm.benchmark.run_cell import run_cell
    from ga2mm.engine import ends_distributed

    with ends_distributed():
        try:
            run_cell(cell, work_dir, processes, provenance, launcher)
        except Exception as error:
            traceback.print_exc()
            reason = f'{type(error).__name__}: {" ".join(str(error).split())}'
            # The first process to fail writes its error. It is still in the group, so the others have not
            # failed because of it yet.
            with suppress(FileExistsError), (work_dir / cell.folder / ERROR).open('x') as file:
                file.write(reason)
            sys.exit(1)


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _reason(folder: Path, exitcode: int) -> str:
    """Give the error line of a failed cell."""
    if (folder / ERROR).is_file():
        return (folder / ERROR).read_text()
    return f'killed by signal {-exitcode}' if exitcode < 0 else f'exit status {exitcode}'


def slots_for(jobs: int | None, gpus: list[str], gpus_per_run: int) -> list[list[str]]:
    """Distribute the GPUs over parallel cells; empty lists without a GPU.

    Args:
        jobs: Number of parallel cells; None for as many as fit.
        gpus: GPUs of this machine, see :func:`visible_gpus`.
        gpus_per_run: GPUs of each cell; without a GPU, CPU processes of each cell.

    Raises:
        ValueError: There are too few GPUs or cores for one cell, or for ``jobs`` cells.
    """
    if gpus:
        room = len(gpus) // gpus_per_run
        if room < 1:
            raise ValueError(f'--gpus-per-run {gpus_per_run}: this machine has {len(gpus)} GPUs')
        if jobs is not None and jobs > room:
            raise ValueError(f'--jobs {jobs}: {len(gpus)} GPUs have room for {room} runs of {gpus_per_run}')
        return [gpus[slot * gpus_per_run : (slot + 1) * gpus_per_run] for slot in range(jobs or room)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return [[] for _ in range(jobs or max(1, cores // gpus_per_run))]


def visible_gpus() -> list[str]:
    """List the GPUs that this process may use, by their names in ``CUDA_VISIBLE_DEVICES``."""
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    if named is not None:
        return [name.strip() for name in named.split(',') if name.strip()][: torch.cuda.device_count()]
    return [str(index) for index in range(torch.cuda.device_count())]


def card_name() -> str | None:
    """Give the name of the first GPU of this machine; None without a GPU."""
    return torch.cuda.get_device_name(0) if torch.cuda.device_count() else None
