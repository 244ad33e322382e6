"""Run each case in a separate process, because a damaged file may crash it, hang it or exhaust its memory."""

import faulthandler
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from fuzzing.kind import RAN, Case, Kind
from ga2mm.utils import one_line_errors

READ, REFUSED, TRACEBACK, CRASH, HANG, WRONG = COLUMNS = (
    'read',
    'rejected in one line',
    'traceback',
    'crash',
    'hang',
    'silently wrong',
)
FAILURES = COLUMNS[2:]

CASE_SECONDS = 120
"""Time limit of a case in seconds."""

CASE_MEMORY = 2 << 30
"""Limit on the address space of a case in bytes, on top of that of the process that it is forked from."""

LONGEST_LINE = 2000
"""Maximum length of an error line in characters."""

LONGEST_DETAIL = 5000
"""Characters of a traceback that are kept, because the buffer of a pipe is limited."""

REPORT = 'report.txt'

_CONTEXT = multiprocessing.get_context('fork')


@dataclass(frozen=True)
class Outcome:
    """Outcome of a case.

    Args:
        kind: The kind of file.
        number: Number of the case; with seed and kind it determines the file.
        column: One of :data:`COLUMNS`.
        what: Description of the file.
        detail: The error line, a traceback, or the difference from the correct result.
        judged: False if the process ended after reading, during the comparison of the result.
    """

    kind: str
    number: int
    column: str
    what: str
    detail: str = ''
    judged: bool = True


@dataclass
class _Running:
    process: multiprocessing.Process
    connection: Connection
    kind: str
    number: int
    folder: Path
    end: float


def in_child(function: Callable[..., None], *args: Any) -> None:
    """Call a function in a separate process, and keep its output for errors.

    Raises:
        RuntimeError: The function did not return.
    """
    with tempfile.TemporaryFile() as log:
        process = _CONTEXT.Process(target=_quietly, args=(log.fileno(), function, *args))
        process.start()
        process.join()
        if process.exitcode:
            log.seek(0)
            raise RuntimeError(f'{function.__qualname__} failed\n{log.read().decode(errors="replace")}')


def _quietly(log: int, function: Callable[..., None], *args: Any) -> None:
    os.dup2(log, 1)
    os.dup2(log, 2)
    function(*args)


def run_cases(
    cases: Iterable[tuple[Kind, int]],
    seed: int,
    folder: Path,
    processes: int,
    seconds: float,
    keep: Path | None = None,
) -> Iterator[Outcome]:
    """Make and read files in parallel.

    Args:
        cases: Kinds and numbers.
        seed: Seed, which together with kind and number determines a file.
        folder: Folder for the files, each of which is removed after reading.
        processes: Number of parallel cases.
        seconds: Time after which no further case starts.
        keep: Folder for the files of :data:`FAILURES`, each in a subfolder with a report.

    Yields:
        The outcome of each case, in the order of completion.
    """
    waiting, running = iter(cases), []
    stop = time.monotonic() + seconds
    exhausted = False
    try:
        while running or not exhausted:
            while len(running) < processes and not exhausted:
                case = next(waiting, None)
                if case is None or time.monotonic() > stop:
                    exhausted = True
                else:
                    running.append(_start(*case, seed, folder))
            timeout = max(0.0, min((one.end for one in running), default=0.0) - time.monotonic())
            wait([one.process.sentinel for one in running], timeout)
            for one in [one for one in running if _is_over(one)]:
                running.remove(one)
                outcome = _end(one)
                if keep is not None and outcome.column in FAILURES:
                    _keep(one.folder, keep, seed, outcome)
                shutil.rmtree(one.folder)
                yield outcome
    finally:
        for one in running:
            one.process.kill()


def _start(kind: Kind, number: int, seed: int, folder: Path) -> _Running:
    folder = folder / f'{kind.name}_{number}'
    folder.mkdir()
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_child, args=(kind, number, seed, folder, sender))
    process.start()
    sender.close()
    return _Running(process, receiver, kind.name, number, folder, time.monotonic() + CASE_SECONDS)


def _is_over(one: _Running) -> bool:
    return not one.process.is_alive() or time.monotonic() > one.end


def _end(one: _Running) -> Outcome:
    """Collect the messages and the end of a case's process."""
    hangs = one.process.is_alive()
    if hangs:
        one.process.kill()
    one.process.join()
    messages = []
    with one.connection, suppress(EOFError):
        while one.connection.poll():  # not until EOF: a child of the process may still hold the pipe open
            messages.append(one.connection.recv())
    log = (one.folder / 'log.txt').read_text(errors='replace')
    if not messages:
        raise RuntimeError(f'{one.kind} {one.number}: no file could be made\n{log}')
    what, *told = messages
    column, detail, judged = told[-1] if told else (HANG if hangs else CRASH, '', True)
    if not told:
        code = one.process.exitcode
        ended = f'killed by signal {-code}' if code < 0 else f'exit status {code}'
        detail = f'{f"not done after {CASE_SECONDS} s" if hangs else ended}\n{log[-LONGEST_DETAIL:]}'
    return Outcome(one.kind, one.number, column, what, detail, judged)


def _keep(folder: Path, keep: Path, seed: int, outcome: Outcome) -> None:
    kept = keep / folder.name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)
    (kept / REPORT).write_text(
        f'{outcome.kind}, seed {seed}, number {outcome.number}: {outcome.column}\n'
        f'{outcome.what}\n{outcome.detail}\n'
    )


def _child(kind: Kind, number: int, seed: int, folder: Path, connection: Connection) -> None:
    """Run a case in its process: send the description of the file, the end of reading, then the verdict."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log = os.open(folder / 'log.txt', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable()
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    case = kind.damage(folder, random.Random(f'{seed} {kind.name} {number}'))
    connection.send(case.what)
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    limit = pages * resource.getpagesize() + CASE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    column, detail, found = _read(kind, case)
    connection.send((column, detail, column != READ))
    if (folder / RAN).exists():
        connection.send((WRONG, 'code in the file was run', True))
    elif column == READ:
        wrong = kind.judge(case, found)
        connection.send((WRONG if wrong else READ, wrong or '', True))
    sys.stdout.flush()
    os._exit(0)


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _read(kind: Kind, case: Case) -> tuple[str, str, Any]:
    """Read a file; return the column, the error or an empty text, and the result."""
    try:
        with one_line_errors():
            return READ, '', kind.read(case)
    except SystemExit as error:
        line = '' if error.code is None else str(error.code)
        if not line.startswith('error: '):
            return TRACEBACK, f'exit with {line!r}', None
    except Exception:
        return TRACEBACK, traceback.format_exc()[-LONGEST_DETAIL:], None
    if len(line) > LONGEST_LINE:
        return TRACEBACK, f'a line of {len(line)} characters: {line[:LONGEST_DETAIL]}', None
    if not any(name in line for name in (case.path.name, *kind.names)):
        return TRACEBACK, f'the line does not name the file: {line}', None
    return REFUSED, line, None
