"""The cells that are still to run; several processes, on several machines, may take cells from one folder."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.run_cell import read_result
from ga2mm.utils import write_text


class OpenCells:
    """Give out the unfinished cells of a benchmark, each as soon as the runs that it needs are finished.

    A process holds the lock of a cell while it runs it, so no other process takes it. The lock ends with its
    process: the cells of a process or machine that dies go to the others, and resume from their last
    checkpoint. The file system must lock across machines, as NFS does.

    Args:
        cells: Unfinished cells, and those that they need, in the order in which to run them.
        work_dir: The benchmark's folder.
        done: Called with each cell that this object drops: with None if another process has finished it,
            or with the reason why it cannot run.
    """

    def __init__(self, cells: list[Cell], work_dir: Path, done: Callable[[Cell, str | None], None]) -> None:
        self.work_dir = work_dir
        self._waiting = {cell.folder: cell for cell in cells}
        self._locks: dict[Path, TextIO] = {}
        self._done = done

    def __len__(self) -> int:
        """Give the number of cells that nobody has finished and this process does not run."""
        return len(self._waiting)

    def take(self) -> Cell | None:
        """Take the first cell that can run now, and lock it; None if there is none at this moment."""
        for cell in list(self._waiting.values()):
            missing = [needed for needed in cell.needs if not self._is_finished(needed)]
            failed = [needed for needed in missing if not self._may_finish(needed)]
            if failed:
                self._drop(cell, f'the run that it builds on failed: {failed[0]}')
            elif self._is_finished(cell):
                self._drop(cell, None)
            elif not missing and self._lock(cell):
                if self._is_finished(cell):  # another process finished it just before we had the lock
                    self.release(cell)
                    self._drop(cell, None)
                    continue
                del self._waiting[cell.folder]
                _put_aside(cell, self.work_dir)
                return cell
        return None

    def release(self, cell: Cell) -> None:
        """Unlock a cell after its run."""
        self._locks.pop(cell.folder).close()

    def _drop(self, cell: Cell, reason: str | None) -> None:
        del self._waiting[cell.folder]
        self._done(cell, reason)

    def _is_finished(self, cell: Cell) -> bool:
        return read_result(cell, self.work_dir) is not None

    def _may_finish(self, cell: Cell) -> bool:
        return cell.folder in self._waiting or cell.folder in self._locks

    def _lock(self, cell: Cell) -> bool:
        """Try to lock a cell."""
        folder = self.work_dir / cell.folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f'.{folder.name}.lock').open('w')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._locks[cell.folder] = lock
        return True


def _put_aside(cell: Cell, work_dir: Path) -> None:
    """Rename the folder of a run with another config; a killed run of the same config is resumed."""
    folder = work_dir / cell.folder
    mark = folder / 'config_hash.txt'
    if folder.exists():
        found = mark.read_text() if mark.is_file() else 'unknown'
        if found == cell.config_hash:
            return
        aside = folder.with_name(f'{folder.name}_{found}')
        shutil.rmtree(aside, ignore_errors=True)  # an older run of that config
        folder.rename(aside)
    write_text(mark, cell.config_hash)
