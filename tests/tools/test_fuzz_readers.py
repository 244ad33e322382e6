"""Damaged files: a small run of the script that makes and reads thousands, and the faults that it detects."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import running

SCRIPT = running.ROOT / 'tools' / 'analysis' / 'fuzz_readers.py'


@pytest.fixture(autouse=True)
def script_folder(monkeypatch) -> None:
    """The script's own modules can be imported."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))


@pytest.mark.slow
def test_damaged_files_of_every_kind_are_read_rightly_or_refused_in_one_line(tmp_path):
    options = ['--videos', 60, '--others', 60, '--processes', 1, '--keep', tmp_path / 'kept']
    run = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, options)],
        cwd=tmp_path,
        env=running.environment(),
        capture_output=True,
        text=True,
    )
    rows = [
        [cell.strip() for cell in line.split('|')[1:-1]] for line in run.stdout.splitlines() if '|' in line
    ]
    counts = {name: [int(number) for number in numbers] for name, *numbers in rows[2:]}

    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
    assert rows[0][1:3] == ['read', 'rejected in one line']
    assert all(numbers[2:] == [0, 0, 0, 0] for numbers in counts.values()), run.stdout
    assert sum(counts.pop('videos')) == sum(map(sum, counts.values())) == 60
    assert len(counts) == 12 and all(sum(numbers) == 5 for numbers in counts.values())
    assert not (tmp_path / 'kept').exists()


def test_every_way_to_end_is_told_from_the_others(tmp_path, monkeypatch):
    from fuzzing import pool
    from fuzzing.kind import NOTHING, RAN, Case, Kind

    class Ends(Kind):
        """Each number is a different outcome."""

        name = 'ends'

        def prepare(self) -> None:
            pass

        def damage(self, folder: Path, rng: random.Random) -> Case:
            path = folder / 'file.txt'
            path.write_text('text')
            return Case(path, 'a text', ['line'] if folder.name != 'ends_10' else NOTHING)

        def read(self, case: Case) -> list[str]:
            number = int(case.path.parent.name.split('_')[1])
            if number == 1:
                raise ValueError(f'{case.path}: damaged')
            if number == 2:
                raise ValueError('no file is named')
            if number == 3:
                sys.exit(f'{case.path}: no error is said')
            if number == 4:
                raise ValueError(f'{case.path}: {"long" * 1000}')
            if number == 5:
                raise AttributeError('a fault of ours')
            if number == 6:
                os.abort()
            if number == 7:
                return list(bytearray(pool.CASE_MEMORY))
            if number == 8:
                time.sleep(1000)
            if number == 9:
                return ['another line']
            if number == 11:
                Path(RAN).touch()
                raise ValueError(f'{case.path}: code was run on the way')
            return ['line']

    monkeypatch.setattr(pool, 'CASE_SECONDS', 10)
    monkeypatch.setattr(pool, 'CASE_MEMORY', 1 << 27)
    kind = Ends(tmp_path / 'sound')
    files = tmp_path / 'files'
    files.mkdir()
    cases = [(kind, number) for number in range(12)]
    outcomes = {
        outcome.number: outcome
        for outcome in pool.run_cases(cases, 0, files, processes=2, seconds=1000, keep=tmp_path / 'kept')
    }

    columns = [outcomes[number].column for number in range(12)]
    assert columns[:2] == [pool.READ, pool.REFUSED]
    assert columns[2:6] == [pool.TRACEBACK] * 4
    assert columns[6] == pool.CRASH and 'signal 6' in outcomes[6].detail
    assert columns[7] == pool.TRACEBACK and 'MemoryError' in outcomes[7].detail
    assert columns[8:] == [pool.HANG, pool.WRONG, pool.WRONG, pool.WRONG]
    assert outcomes[9].detail == "read ['another line'], right is ['line']"
    assert outcomes[10].detail == 'read, but it must be rejected'
    assert outcomes[11].detail == 'code in the file was run'
    assert not list(files.iterdir())
    assert sorted(path.name for path in (tmp_path / 'kept').iterdir()) == sorted(
        f'ends_{number}' for number in range(2, 12)
    )
    report = (tmp_path / 'kept' / 'ends_5' / pool.REPORT).read_text()
    assert report.startswith('ends, seed 0, number 5: traceback\na text\n') and 'a fault of ours' in report


def test_frames_are_compared_with_a_sequential_decode(tmp_path):
    from fuzzing.kind import Case
    from fuzzing.videos import CLIP_LENGTH, Recipe, Videos, write_video

    kind = Videos(tmp_path)
    case = Case(tmp_path / 'sound.mp4', 'sound')
    write_video(case.path, Recipe('sound.mp4', frames=80, gop=20))
    found = kind.read(case)

    assert kind.judge(case, found) is None
    earlier = [found['imgs'][0], *found['imgs'][:-1]]
    assert 'shows the number' in kind.judge(case, found | dict(imgs=earlier))
    assert 'right is uint8' in kind.judge(case, found | dict(imgs=[image[1:] for image in found['imgs']]))
    assert '31 frames' in kind.judge(case, found | dict(imgs=found['imgs'][1:]))
    frozen = dict(imgs=[found['imgs'][0]] * CLIP_LENGTH, frame_inds=[found['frame_inds'][0]] * CLIP_LENGTH)
    assert '1 different frames sampled of 80, 32 could be' in kind.judge(case, found | frozen)
    short = found | dict(total_frames=60)
    assert '60 of 80 frames are left, without a warning' in kind.judge(case, short)
    assert kind.judge(case, short | dict(mended=['sound.mp4: 20 frames are lost'])) is None


def test_a_file_depends_on_seed_kind_and_number_alone(tmp_path):
    from fuzzing.texts import LabelMaps

    kind = LabelMaps(tmp_path)
    contents = []
    for seed in (1, 1, 2):
        for number in range(20):
            case = kind.damage(tmp_path, random.Random(f'{seed} label_maps {number}'))
            contents.append((case.path.read_bytes(), case.what, case.right))

    assert contents[:20] == contents[20:40] != contents[40:]
