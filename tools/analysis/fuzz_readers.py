"""Damage files of every kind that the tools read, read them like the tools do, and count the outcomes.

::

    python tools/analysis/fuzz_readers.py --videos 2000 --others 500 --processes 2

``--seed``, kind and number determine a file. Each file is read in a separate process. The table has a row for
each kind of file and a column for each outcome: *read*; *rejected in one line* that names the file;
*traceback*: any other error, or a line that is too long or does not name the file; *crash*: the process died,
for example of too much memory; *hang*; *silently wrong*: the result is not the correct one. Correct are

- for a video: the frames of a sequential decode, without avoidable repetition, with lost frames reported;
- for tensors (checkpoints, hard prompts, weights): the tensors that were written;
- for lists, label maps and configs: the known result of some kinds of damage, such as swapped rows. Damaged
  bytes have no known result: a changed letter may give the name of another class.

The exit code is 0 only if the last four columns are all 0, else 1.
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

from fuzzing.kind import Kind
from fuzzing.pool import COLUMNS, FAILURES, TRACEBACK, Outcome, in_child, run_cases
from tqdm import tqdm

VIDEOS = 'videos'

NAMES = (
    *(VIDEOS, 'lists', 'anchor_lists', 'label_maps', 'name_files', 'negatives', 'coop_splits'),
    *('official_annotations', 'configs', 'checkpoints', 'hard_prompts', 'weights', 'images'),
)
"""Names of all kinds of files."""


def import_kinds() -> dict[str, type[Kind]]:
    """Import the classes of all kinds of files; give them by name."""
    from fuzzing.configs import Configs
    from fuzzing.images import Images
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

    texts = (Lists, AnchorLists, LabelMaps, NameFiles, Negatives, CoOpSplits, OfficialAnnotations)
    classes = (Videos, *texts, Configs, Checkpoints, HardPrompts, Weights, Images)
    return {kind.name: kind for kind in classes}


def plan(kinds: dict[str, Kind], videos: int, others: int, seed: int) -> list[tuple[Kind, int]]:
    """Give kind and number of each case, shuffled so that every part of the list has all kinds."""
    names = [name for name in kinds if name != VIDEOS]
    counts = {name: len(range(place, others, len(names))) for place, name in enumerate(names)}
    if VIDEOS in kinds:
        counts[VIDEOS] = videos
    cases = [(kinds[name], number) for name, count in counts.items() for number in range(count)]
    random.Random(seed).shuffle(cases)
    return cases


def table(outcomes: list[Outcome], names: list[str]) -> str:
    """Make a Markdown table of the outcomes of each kind."""
    counts = Counter((outcome.kind, outcome.column) for outcome in outcomes)
    lines = [f'| | {" | ".join(COLUMNS)} |', f'| --- {"| --- " * len(COLUMNS)}|']
    for name in names:
        numbers = ' | '.join(str(counts[name, column]) for column in COLUMNS)
        lines.append(f'| {name} | {numbers} |')
    return '\n'.join(lines)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=int, default=2000, help='damaged videos (default: 2000)')
    parser.add_argument('--others', type=int, default=500, help='damaged files of other kinds (default: 500)')
    parser.add_argument('--seed', type=int, default=0, help='random seed of the damage (default: 0)')
    parser.add_argument(
        '--seconds', type=float, default=1800, help='begin no file after this many seconds (default: 1800)'
    )
    parser.add_argument('--processes', type=int, default=2, help='files read at a time (default: 2)')
    parser.add_argument('--kinds', nargs='+', choices=NAMES, default=NAMES, help='default: all')
    parser.add_argument(
        '--only', type=int, metavar='NUMBER', help='only the file with this number, of each kind'
    )
    parser.add_argument(
        '--keep', type=Path, metavar='FOLDER', help='keep the files of the last four columns, with a report'
    )
    args = parser.parse_args()
    if min(args.videos, args.others) < 0 or args.processes < 1:
        parser.error('--videos and --others must be 0 or more, --processes 1 or more')
    return args


def main() -> int:
    """Print the table and every failure; return 1 if there is a failure, else 0."""
    args = parse_args()

    import torch

    torch.set_num_threads(1)
    os.environ.pop('GA2MM_TRACEBACK', None)  # it would show tracebacks instead of one-line errors
    start = time.monotonic()
    classes = import_kinds()
    with tempfile.TemporaryDirectory(prefix='fuzz_readers_') as name:
        folder = Path(name)
        kinds = {name: classes[name](folder / 'sound') for name in args.kinds}
        for kind in kinds.values():
            kind.sound.mkdir(parents=True)
            in_child(kind.prepare)
        cases = plan(kinds, args.videos, args.others, args.seed)
        if args.only is not None:
            cases = [(kind, args.only) for kind in kinds.values()]
        gc.freeze()  # the forked processes share the loaded modules
        ends = run_cases(cases, args.seed, folder, args.processes, args.seconds, args.keep)
        outcomes = list(tqdm(ends, total=len(cases), unit='file', disable=None))
    print(table(outcomes, list(kinds)))
    seconds = time.monotonic() - start
    print(f'\nseed {args.seed}: {len(outcomes)} of {len(cases)} files in {seconds:.0f} s')
    unknown = sum(not outcome.judged for outcome in outcomes)
    if unknown:
        print(f'{unknown} files were read, but the process ended during the comparison')
    failures = [outcome for outcome in outcomes if outcome.column in FAILURES]
    for outcome in sorted(failures, key=lambda one: (one.kind, one.number)):
        lines = outcome.detail.strip().splitlines() or ['']
        detail = lines[-1] if outcome.column == TRACEBACK else lines[0]
        print(f'{outcome.kind} {outcome.number}: {outcome.column}: {outcome.what}: {detail}')
    return int(bool(failures))


if __name__ == '__main__':
    sys.exit(main())
