"""Several processes, and jobs of submitit, that run a benchmark in one folder."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from ga2mm.benchmark.open_cells import OpenCells
from ga2mm.benchmark.plan import read_benchmarks, sources
from ga2mm.benchmark.submit import submit
from tests.helpers import running
from tests.helpers.benchmarks import SHORT, write_config
from tests.helpers.running import finish, start

TOOL = running.ROOT / 'tools' / 'run_protocol.py'
HAS_SUBMITIT = importlib.util.find_spec('submitit') is not None


class Finished:
    """A folder of results, and the cells of a benchmark with hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        [benchmark] = read_benchmarks(write_config(folder / 'b.py', seeds=[0]), folder)
        self.cells = [*sources(benchmark.cells), *benchmark.cells]
        for cell in self.cells:
            object.__setattr__(cell, 'config_hash', str(cell))

    def finish(self, cell) -> None:
        path = self.folder / cell.folder / 'result.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(config_hash=cell.config_hash)))


@pytest.fixture
def finished(in_miniature_folder, tmp_path) -> Finished:
    return Finished(tmp_path)


def test_a_cell_is_given_to_one_process_and_after_those_that_it_needs(finished):
    dropped = []
    one, two = (
        OpenCells(finished.cells, finished.folder, lambda *args: dropped.append(args)) for _ in range(2)
    )
    source, zero_shot, deep, ga2 = finished.cells
    assert [str(one.take()), str(two.take())] == [str(source), str(zero_shot)]
    assert one.take() == deep
    assert two.take() is None and one.take() is None  # GA2-CLIP waits for its hard prompt
    assert (len(one), len(two)) == (2, 3)

    finished.finish(zero_shot)
    two.release(zero_shot)
    finished.finish(source)
    one.release(source)
    assert two.take() == ga2
    assert one.take() is None and dropped == [(source, None), (zero_shot, None)]
    # The process that ran deep prompts ended without a result: its lock is free, and the other takes it.
    one.release(deep)
    assert two.take() == deep
    for cell, process in ((deep, two), (ga2, two)):
        finished.finish(cell)
        process.release(cell)
    assert one.take() is None and two.take() is None
    assert len(one) == len(two) == 0


def test_what_needs_a_failed_run_is_dropped(finished):
    dropped = []
    cells = OpenCells(finished.cells, finished.folder, lambda *args: dropped.append(args))
    source, zero_shot, deep, ga2 = finished.cells
    assert cells.take() == source
    cells.release(source)
    assert [cells.take(), cells.take(), cells.take()] == [zero_shot, deep, None]
    assert dropped == [(ga2, f'the run that it builds on failed: {source}')] and len(cells) == 0


@pytest.mark.slow
def test_two_processes_share_the_runs(miniature_folder, tmp_path):
    methods = {'deep prompts': dict(config=str(running.CONFIGS / 'miniature_deep_prompts.py'), options=SHORT)}
    config = write_config(tmp_path / 'b.py', methods=methods, hard_prompt=None, seeds=[0, 1, 2])
    words = (sys.executable, TOOL, config, '--work-dir', tmp_path / 'out', '--jobs', 1)
    said = [finish(process) for process in [start(*words, cwd=miniature_folder) for _ in range(2)]]
    rows = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert [row['seed'] for row in rows] == [0, 1, 2]
    assert all('3/3' in one and '| deep prompts |' in one for one in said)
    # Each run trained once: another start would have resumed in a second folder of logs.
    for seed in (0, 1, 2):
        folder = tmp_path / 'out' / 'cells' / 'mild' / 'deep_prompts' / f'draw0_seed{seed}'
        assert len(list(folder.glob('*/vis_data/config.py'))) == 2  # training and test


@pytest.mark.slow
@pytest.mark.skipif(not HAS_SUBMITIT, reason='submitit is not installed')
def test_a_benchmark_as_a_job(miniature_folder, tmp_path):
    zero_shot = dict(
        config=str(running.CONFIGS / 'miniature_zero_shot.py'),
        options={'model.backbone.pretrained': 'random'},
        learns=False,
    )
    methods = {'zero-shot CLIP': zero_shot}
    config = write_config(tmp_path / 'b.py', methods=methods, hard_prompt=None, baseline=None)
    words = (sys.executable, TOOL, config, '--work-dir', tmp_path / 'out', '--submit', 'debug')
    finish(start(*words, '--submit-options', 'timeout_min=15', cwd=miniature_folder))
    assert '| zero-shot CLIP |' in (tmp_path / 'out' / 'table.md').read_text()


@pytest.mark.skipif(not HAS_SUBMITIT, reason='submitit is not installed')
def test_each_machine_is_a_job(tmp_path, capsys):
    script = tmp_path / 'job.py'
    script.write_text('import os, sys, pathlib; pathlib.Path(sys.argv[1], str(os.getpid())).touch()')
    (tmp_path / 'ran').mkdir()
    submit('local', 2, ['timeout_min=5'], [str(script), str(tmp_path / 'ran')], tmp_path / 'jobs')
    assert len(list((tmp_path / 'ran').iterdir())) == 2
    assert capsys.readouterr().out.count('job ') == 2


@pytest.mark.skipif(not HAS_SUBMITIT, reason='submitit is not installed')
def test_a_job_that_fails_and_a_wrong_option_are_named(tmp_path):
    (tmp_path / 'fails.py').write_text('import sys; sys.exit(3)')
    with pytest.raises(ValueError, match='1 of 1 jobs failed'):
        submit('debug', 1, [], [str(tmp_path / 'fails.py')], tmp_path / 'jobs')
    with pytest.raises(ValueError, match='--submit-options gpus: write KEY=VALUE'):
        submit('debug', 1, ['gpus'], [], tmp_path / 'jobs')
    with pytest.raises(ValueError, match='--submit debug gpus=8: .*gpus'):
        submit('debug', 1, ['gpus=8'], [], tmp_path / 'jobs')


@pytest.mark.skipif(HAS_SUBMITIT, reason='submitit is installed')
def test_submitit_that_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match='--submit slurm needs submitit: pip install submitit'):
        submit('slurm', 1, [], [], tmp_path / 'jobs')
