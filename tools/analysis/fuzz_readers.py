"""Damage files of every kind that the tools read, read them as the tools do, and count how that ends.

::

    python tools/analysis/fuzz_readers.py --videos 2000 --others 500 --processes 2

A file is decided on by ``--seed``, its kind and its number. Each is read in a process of its own. The table
has a row for each kind of file and a column for each end: *read*; *refused in one line* that names the file;
*traceback*: any other error, or a line that is too long or names no file; *crash*: the process died, of too
much memory for one; *hang*; *silently wrong*: read otherwise than is right. What is right is known

- of a video: the frames of a sequential decode, as many different ones as there are, and that a loss is said;
- of tensors (checkpoints, hard prompts, weights): those that were written;
- of lists, label maps and configs: where the damage is known to leave nothing else, such as rows that changed
  places. Not where bytes are others: a changed letter may be the name of another class.

The exit code is 1 unless the last four columns are all 0.
"""

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from fuzzing.configs import Configs
from fuzzing.images import Images
from fuzzing.kind import Kind
from fuzzing.pool import COLUMNS, FAILURES, TRACEBACK, Outcome, in_child, run_cases
from fuzzing.tensors import Checkpoints, HardPrompts, Weights
from fuzzing.texts import (
    AnchorLists,
    CoOpSplits,
    LabelMaps,
    Lists,
    NameFiles,
    Negatives,
    OfficialAnnotations,
)
from fuzzing.videos import Videos
from tqdm import tqdm

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        *(Videos, Lists, AnchorLists, LabelMaps, NameFiles, Negatives, CoOpSplits, OfficialAnnotations),
        *(Configs, Checkpoints, HardPrompts, Weights, Images),
    )
}


def plan(kinds: dict[str, Kind], videos: int, others: int, seed: int) -> list[tuple[Kind, int]]:
    """Kinds and numbers of the cases, in an order in which any part of them has every kind."""
    names = [name for name in kinds if name != Videos.name]
    counts = {name: len(range(place, others, len(names))) for place, name in enumerate(names)}
    if Videos.name in kinds:
        counts[Videos.name] = videos
    cases = [(kinds[name], number) for name, count in counts.items() for number in range(count)]
    random.Random(seed).shuffle(cases)
    return cases


def table(outcomes: list[Outcome], names: list[str]) -> str:
    """The ends of each kind, in Markdown."""
    counts = Counter((outcome.kind, outcome.column) for outcome in outcomes)
    lines = [f'| | {" | ".join(COLUMNS)} |', f'| --- {"| --- " * len(COLUMNS)}|']
    for name in names:
        numbers = ' | '.join(str(counts[name, column]) for column in COLUMNS)
        lines.append(f'| {name} | {numbers} |')
    return '\n'.join(lines)


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=int, default=2000, help='damaged videos (default: 2000)')
    parser.add_argument('--others', type=int, default=500, help='damaged files of other kinds (default: 500)')
    parser.add_argument('--seed', type=int, default=0, help='decides on the damage (default: 0)')
    parser.add_argument(
        '--seconds', type=float, default=1800, help='begin no file after so many (default: 1800)'
    )
    parser.add_argument('--processes', type=int, default=2, help='files read at a time (default: 2)')
    parser.add_argument('--kinds', nargs='+', choices=list(KINDS), default=list(KINDS), help='default: all')
    parser.add_argument(
        '--only', type=int, metavar='NUMBER', help='the one file with this number of each kind'
    )
    parser.add_argument(
        '--keep', type=Path, metavar='FOLDER', help='keep the files of the last four columns, with a report'
    )
    args = parser.parse_args()
    if min(args.videos, args.others) < 0 or args.processes < 1:
        parser.error('--videos and --others must be 0 or more, --processes 1 or more')
    return args


def main() -> int:
    """Print the table, and every failure; 1 if there is one, else 0."""
    args = parse_args()
    torch.set_num_threads(1)
    os.environ.pop('GA2MM_TRACEBACK', None)  # it would show what is to be one line
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='fuzz_readers_') as name:
        folder = Path(name)
        kinds = {name: KINDS[name](folder / 'sound') for name in args.kinds}
        for kind in kinds.values():
            kind.sound.mkdir(parents=True)
            in_child(kind.prepare)
        cases = plan(kinds, args.videos, args.others, args.seed)
        if args.only is not None:
            cases = [(kind, args.only) for kind in kinds.values()]
        gc.freeze()  # the processes of the cases share what is loaded
        ends = run_cases(cases, args.seed, folder, args.processes, args.seconds, args.keep)
        outcomes = list(tqdm(ends, total=len(cases), unit='file', disable=None))
    print(table(outcomes, list(kinds)))
    seconds = time.monotonic() - start
    print(f'\nseed {args.seed}: {len(outcomes)} of {len(cases)} files in {seconds:.0f} s')
    unknown = sum(not outcome.judged for outcome in outcomes)
    if unknown:
        print(f'{unknown} files were read, but the process ended while what was read was compared')
    failures = [outcome for outcome in outcomes if outcome.column in FAILURES]
    for outcome in sorted(failures, key=lambda one: (one.kind, one.number)):
        lines = outcome.detail.strip().splitlines() or ['']
        detail = lines[-1] if outcome.column == TRACEBACK else lines[0]
        print(f'{outcome.kind} {outcome.number}: {outcome.column}: {outcome.what}: {detail}')
    return int(bool(failures))


if __name__ == '__main__':
    sys.exit(main())
