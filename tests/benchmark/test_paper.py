"""Several tables in one file: plans without data, missing things, and a page with our figures."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ga2mm.benchmark.benchmark_config import read_benchmark_configs
from ga2mm.benchmark.estimate import computed_rate, finish, measured_rate, plan_table
from ga2mm.benchmark.plan import all_cells, plan_benchmark, read_benchmarks
from ga2mm.benchmark.preflight import missing_things
from ga2mm.benchmark.results_page import fill_page
from ga2mm.benchmark.selection import select
from ga2mm.benchmark.work import work_of
from tests.helpers import running
from tests.helpers.lists import write_lines

BASELINES = running.ROOT / 'configs' / 'baselines'
SIZES = {
    'data/ucf101/labels/ucf_101_base_labels.csv': 51,
    'data/ucf101/labels/ucf_101_labels.csv': 101,
    'data/ucf101/base2novel/base_val.txt': 2088,
    'data/ucf101/base2novel/novel_val.txt': 1695,
    'data/ucf101/few_shot/val1.txt': 3783,
}


def write_tables(path: Path, **changes) -> Path:
    """Two tables on UCF101 with two methods of real configs, without any data."""
    zero_shot = dict(config=str(BASELINES / 'zero_shot.py'), learns=False)
    few_shot = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='few_shot/train1_few_shot_{shots}.txt')
    config = dict(
        methods={
            'zero-shot CLIP': zero_shot,
            'deep prompts': dict(config=str(BASELINES / 'deep_prompts.py')),
        },
        datasets={'UCF101': dict(env=dict(GA2MM_DATASET='ucf101'))},
        seeds=[1, 2],
        tables=dict(
            base2novel=dict(env=dict(GA2MM_PROTOCOL='base2novel'), title='Base-to-novel'),
            few_shot=dict(env=few_shot, shots=[2, 16]),
        ),
        sizes=SIZES,
    )
    config.update(changes)
    path.write_text(''.join(f'{key} = {value!r}\n' for key, value in config.items()))
    return path


@pytest.fixture
def benchmarks(tmp_path, monkeypatch) -> list:
    monkeypatch.chdir(tmp_path)
    return read_benchmarks(write_tables(tmp_path / 'b.py', results='page.md'), tmp_path / 'out')


def test_tables_are_planned_with_the_defaults_of_the_file(benchmarks):
    base2novel, few_shot = benchmarks
    assert [each.table for each in benchmarks] == ['base2novel', 'few_shot']
    assert [each.title for each in benchmarks] == ['Base-to-novel', 'few_shot']
    assert [str(cell) for cell in base2novel.cells] == [
        'base2novel, zero-shot CLIP, UCF101',
        'base2novel, deep prompts, UCF101, seed 1',
        'base2novel, deep prompts, UCF101, seed 2',
    ]
    assert few_shot.cells[1].folder == Path('cells/few_shot/UCF101/deep_prompts/shots2_seed1')
    chosen = select(all_cells(benchmarks), ['table=few_shot', 'shots=16'])
    assert [cell.seed for cell in chosen] == [None, 1, 2]


def test_work_of_a_run_whose_data_is_not_there(benchmarks):
    zero_shot, deep, _ = benchmarks[0].cells
    work = work_of(deep, SIZES, processes=1)
    assert work.steps == 102 * 12  # 16 clips of 51 classes, 8 a step
    assert work.step_operations == pytest.approx(8 * 32 * 63.3 + 51 * 0.46)
    assert (work.step_clips, work.test_clips) == (8, 2088 + 1695)
    assert work_of(deep, SIZES, processes=4).steps == 26 * 12
    assert work_of(zero_shot, SIZES, processes=1).steps == 0
    few_shot = benchmarks[1].cells[1]
    assert work_of(few_shot, SIZES, processes=1).steps == 26 * 30  # 2 clips of 101 classes
    with pytest.raises(ValueError, match='base_val.txt does not exist, and sizes does not give'):
        work_of(deep, {}, processes=1)
    write_lines(Path('data/ucf101/base2novel/base_val.txt'), ['a.avi 0', 'b.avi 0', 'c.avi 1'])
    assert work_of(deep, SIZES, processes=1).test_clips == 3 + 1695


def test_plan_for_eight_gpus(benchmarks, tmp_path):
    cells = all_cells(benchmarks)
    rates = [computed_rate('NVIDIA A100-SXM4-80GB'), computed_rate('H100')]
    table = plan_table(benchmarks, cells, rates, gpus=8, per_run=1)
    assert 'computed, not measured' in table.heading and table.columns[3:] == ['A100', 'H100']
    assert [row[:2] for row in table.rows] == [
        ['base2novel', '3'],
        ['few_shot', '5'],
        ['all, hours of one GPU', '8'],
        ['all, hours on 8 GPUs', ''],
    ]
    work = work_of(cells[1], SIZES, 1)
    seconds = rates[0].seconds(work, 1)
    assert seconds == pytest.approx(
        60 + 1224 * work.step_operations / (0.6 * 19.5e3) + 3783 * 32 * 32.1 / (0.6 * 19.5e3)
    )
    with pytest.raises(ValueError, match='the rate of a TPU is unknown .known: H200'):
        computed_rate('TPU')
    with pytest.raises(ValueError, match='--gpus-per-run 4: there are 2 GPUs'):
        plan_table(benchmarks, cells, rates, gpus=2, per_run=4)

    result = dict(towers='ours', job='training', teraflops=0.07)
    (tmp_path / 'speed.json').write_text(json.dumps(dict(device='cpu', results=[result])))
    rate = measured_rate(tmp_path / 'speed.json')
    assert (rate.teraflops, rate.source) == (0.07, f'measured: {tmp_path / "speed.json"}')
    (tmp_path / 'speed.json').write_text('[]')
    with pytest.raises(ValueError, match='speed.json has no training step of ours'):
        measured_rate(tmp_path / 'speed.json')


def test_runs_start_after_those_that_they_need(benchmarks):
    cells = benchmarks[0].cells
    seconds = {cell.folder: 10.0 for cell in cells}
    assert finish(cells, seconds, slots=3) == 10.0
    assert finish(cells, seconds, slots=2) == 20.0
    object.__setattr__(cells[2], 'trained_as', cells[1])
    assert finish(cells, seconds, slots=3) == 20.0


def test_all_that_is_missing_is_named_at_once(benchmarks, tmp_path):
    deep = [cell for cell in benchmarks[0].cells if cell.trains]
    for cell in deep:
        object.__setattr__(cell, 'options', {'model.backbone.weights': 'checkpoints/clip.safetensors'})
    missing, warnings = missing_things(deep, tmp_path / 'out')
    folder, by = 'data/ucf101', 'no such file; tools/data/make_splits.py writes it'
    assert missing == [
        f'label map {folder}/labels/ucf_101_base_labels.csv: {by}',
        f'list {folder}/base2novel/base_val.txt: {by}',
        f'label map {folder}/labels/ucf_101_novel_labels.csv: {by}',
        f'list {folder}/base2novel/novel_val.txt: {by}',
        f'list {folder}/base2novel/fs_base_s1_train.txt: {by}',
        'weights checkpoints/clip.safetensors: no such file',
    ]
    assert warnings == []

    for half in ('base', 'novel'):
        write_lines(Path(f'{folder}/labels/ucf_101_{half}_labels.csv'), ['id,name', f'0,{half} class'])
        write_lines(Path(f'{folder}/base2novel/{half}_val.txt'), [f'{half}{i}.avi 0' for i in range(4)])
    write_lines(Path(f'{folder}/base2novel/fs_base_s1_train.txt'), ['train.avi 0'])
    write_lines(Path('checkpoints/clip.safetensors'), [])
    missing, _ = missing_things(deep, tmp_path / 'out')
    assert missing == [f'videos {folder}/videos: no such folder; put the videos there, or a link to them']

    for name in ('base0', 'base1', 'base2', 'novel0', 'train'):
        write_lines(Path(f'{folder}/videos/{name}.avi'), [])
    missing, warnings = missing_things(deep, tmp_path / 'out')
    gone = 'videos are missing, the first is data/ucf101/videos'
    assert missing == [f'list {folder}/base2novel/novel_val.txt: 3 of 4 {gone}/novel1.avi']
    assert warnings == [f'list {folder}/base2novel/base_val.txt: 1 of 4 {gone}/base3.avi']


def test_the_tool_plans_and_names_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = dict(config=str(BASELINES / 'deep_prompts.py'), options={'model.backbone.weights': 'clip.pt'})
    config = write_tables(tmp_path / 'b.py', methods={'deep prompts': file}, seeds=[1])
    running.tool('run_protocol.py', config, '--dry-run', '--gpus', 8, '--card', 'V100')
    said = capsys.readouterr().out
    assert 'few_shot, deep prompts, UCF101, shots 16, seed 1' in said and '3 runs' in said
    assert '| all, hours on 8 GPUs |' in said and 'disk: at most 0 GiB' in said
    assert not (tmp_path / 'work_dirs').exists()
    with pytest.raises(SystemExit, match='error: 6 things are missing, see the lines above'):
        running.tool('run_protocol.py', config, '--only', 'table=base2novel')
    said = capsys.readouterr().out
    assert said.count('missing: ') == 6 and 'missing: weights clip.pt: no such file' in said


def row(method: str, shots: int | None, seed: int | None, score: float) -> dict:
    scores = dict(base=score, novel=score, hm=score, all=score)
    return dict(
        method=method, dataset='UCF101', shots=shots, seed=seed, scores=scores, commit='abc', device='cuda'
    )


def test_figures_are_filled_in_once_all_their_runs_are_finished(benchmarks, tmp_path, capsys):
    base2novel, few_shot = benchmarks
    page = tmp_path / 'page.md'
    lines = [
        '| | published | ours |',
        '| UCF | 1 | not measured <!-- ours: base2novel; UCF101; deep prompts; base / hm --> |',
        '| few | 3 | not measured <!-- ours: few_shot; UCF101; deep prompts; all@2 / all@16 --> |',
        '- base2novel: not measured <!-- ours: base2novel; runs -->',
        'Other text.',
    ]
    page.write_text('\n'.join(lines))
    fill_page(base2novel, [row('deep prompts', None, 1, 80.0)])
    assert page.read_text().splitlines()[:3] == lines[:3]
    fill_page(base2novel, [row('deep prompts', None, seed, 80.0 + seed) for seed in (1, 2)])
    fill_page(
        few_shot, [row('deep prompts', shots, seed, 50.0 + shots) for shots in (2, 16) for seed in (1, 2)]
    )
    two, same = '81.5 (81.0, 82.0)', ('52.0 (52.0, 52.0)', '66.0 (66.0, 66.0)')
    assert page.read_text().splitlines() == [
        lines[0],
        f'| UCF | 1 | {two} / {two} <!-- ours: base2novel; UCF101; deep prompts; base / hm --> |',
        f'| few | 3 | {" / ".join(same)} <!-- ours: few_shot; UCF101; deep prompts; all@2 / all@16 --> |',
        '- base2novel: 2 of 3 runs; seeds 1, 2; commit abc; device cuda <!-- ours: base2novel; runs -->',
        lines[4],
    ]
    page.write_text('x <!-- ours: base2novel; UCF101; CoOp; hm -->')
    with pytest.raises(ValueError, match='page.md: <!-- ours: base2novel; UCF101; CoOp; hm --> names no'):
        fill_page(base2novel, [])
    page.unlink()
    capsys.readouterr()
    fill_page(base2novel, [])
    assert 'page.md: no such page' in capsys.readouterr().out


def test_every_comment_of_the_results_page_names_a_figure(tmp_path):
    """Read with figures of one seed of all runs, no cell of the page may stay as it is."""
    source = (running.ROOT / 'docs' / 'results.md').read_text()
    configs = read_benchmark_configs(running.ROOT / 'configs' / 'benchmarks' / 'paper.py')
    tables = [plan_benchmark(replace(config, seeds=config.seeds[:1]), tmp_path) for config in configs]
    page = tmp_path / 'page.md'
    page.write_text(source)
    names = ('base', 'novel', 'hm', 'all', 'hmdb51', 'ucf101', 'k600')
    for each in tables:
        assert each.results == running.ROOT / 'docs' / 'results.md'
        object.__setattr__(each, 'results', page)
        rows = [
            dict(
                method=cell.method, dataset=cell.dataset, shots=cell.shots, seed=cell.seed,
                scores=dict.fromkeys(names, 12.3), commit='abc', device='cuda',
            )
            for cell in each.cells
        ]  # fmt: skip
        fill_page(each, rows)
    assert 'not measured <!--' in source and 'not measured <!--' not in page.read_text()
