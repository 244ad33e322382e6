"""Benchmarks: planning, running, resuming and reporting."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config
from scipy.stats import ttest_1samp

from ga2mm.apis import read_config, read_test_sets, train
from ga2mm.benchmark.benchmark_config import read_benchmark_configs
from ga2mm.benchmark.budget import check_budgets
from ga2mm.benchmark.config_hash import with_hashes
from ga2mm.benchmark.plan import Benchmark, all_cells, plan_benchmark, read_benchmarks, sources
from ga2mm.benchmark.preflight import room_for
from ga2mm.benchmark.scheduler import slots_for
from ga2mm.benchmark.statistics import paired_difference, summarise
from ga2mm.benchmark.tables import make_footer, make_tables, write_rows
from tests.helpers import running
from tests.helpers.benchmarks import SHORT, write_config
from tests.helpers.running import finish, start

BENCHMARKS = sorted((running.ROOT / 'configs' / 'benchmarks').glob('*.py'))
TOOL = running.ROOT / 'tools' / 'run_protocol.py'
DEEP_PROMPTS = str(running.CONFIGS / 'miniature_deep_prompts.py')


def read_benchmark(path: Path, work_dir: Path) -> Benchmark:
    """Read a benchmark with one table."""
    [benchmark] = read_benchmarks(path, work_dir)
    return benchmark


def run(config: Path, work_dir: Path, cwd: Path, *options) -> str:
    """Run the tool in a separate process; it must succeed."""
    return finish(start(sys.executable, TOOL, config, '--work-dir', work_dir, *options, cwd=cwd))


def rows_of(work_dir: Path) -> list[dict]:
    return json.loads((work_dir / 'results.json').read_text())


def row(method: str, draw: int | None, seed: int | None, hm: float, shots: int | None = None) -> dict:
    return dict(
        method=method, dataset='mild', shots=shots, draw=draw, seed=seed, series=method, value=None,
        base=hm, novel=hm, hm=hm, scores=dict(base=hm, novel=hm, hm=hm), per_class={},
        seconds=60.0, config='c.py', config_hash='0',
        checkpoint=None, device='cpu', versions={}, commit='abc',
    )  # fmt: skip


class TestPlan:
    @pytest.fixture(autouse=True)
    def _folder(self, in_miniature_folder):
        pass

    @pytest.mark.parametrize('path', BENCHMARKS, ids=lambda path: path.stem)
    def test_every_benchmark_is_laid_out(self, path, tmp_path):
        # Two draws, seeds and numbers of shots show the layout; to read the configs of all takes minutes.
        few = ('draws', 'seeds', 'shots')
        configs = [
            replace(config, **{name: getattr(config, name)[:2] for name in few})
            for config in read_benchmark_configs(path)
        ]
        benchmarks = [plan_benchmark(config, tmp_path) for config in configs]
        cells = all_cells(benchmarks)
        folders = [cell.folder for cell in [*cells, *sources(cells)]]
        assert len(set(folders)) == len(folders)
        for benchmark in benchmarks:
            assert benchmark.cells and benchmark.title
            methods = {cell.method for cell in benchmark.cells}
            assert {*benchmark.baselines, *benchmark.own_baselines.values()} <= methods
            assert {cell.table for cell in benchmark.cells} == {benchmark.table}
            assert all((cell.draw or 0) >= 100 for cell in benchmark.cells) == (
                benchmark.part == 'validation'
            )
        for cell in cells:
            # All configs of the method, with any strategy, and their coupled baselines take a hard prompt.
            name = Path(cell.config).stem
            coupled = 'ga2' in name.split('_')
            coupled |= any(part in name for part in ('coupled', 'consistency', 'base2novel', 'fewshot'))
            assert (cell.hard_prompt is not None) == coupled, cell
            assert (cell.series == cell.method) == (cell.value is None)

    def test_room_for_checkpoints_depends_on_the_clip_that_is_tuned(self, tmp_path):
        tuned = dict(config=str(running.ROOT / 'configs' / 'zoo' / 'vificlip_vit_b16.py'))
        tiny = dict(config=str(running.ROOT / 'configs' / 'zoo' / 'miniature.py'))
        tiny['env'] = dict(GA2MM_METHOD='vificlip')
        large = dict(tuned, options={'model.backbone.arch': 'ViT-L-14'})
        methods = {'prompts': dict(config=DEEP_PROMPTS), 'tiny': tiny, 'ViT-B/16': tuned, 'ViT-L/14': large}
        more = dict(seeds=[0], draws=[100], part='validation', baseline=None)
        config = write_config(tmp_path / 'b.py', methods=methods, **more)
        cells = read_benchmark(config, tmp_path).cells
        prompts, *sizes = (room_for([cell], [cell.read_config()]) for cell in cells)
        checkpoints = [round((size - prompts) / 3e6) for size in sizes]
        # Millions of weights times 4 bytes, and times 8 without the token table for AdamW's moments.
        assert checkpoints == [33, 1593, 4828]

    def test_what_learns_nothing_runs_once_for_all_seeds_and_shots(self, tmp_path):
        config = write_config(tmp_path / 'b.py', shots=[2, 4], seeds=[0, 1, 2])
        cells = read_benchmark(config, tmp_path).cells
        count = {name: sum(cell.method == name for cell in cells) for name in {c.method for c in cells}}
        assert count == {'zero-shot CLIP': 1, 'deep prompts': 6, 'GA2-CLIP': 6}
        assert [source.seed for source in sources(cells)] == [0, 1, 2]

    def test_variables_reach_the_config(self, tmp_path, monkeypatch):
        monkeypatch.setenv('GA2MM_TRAIN_LIST', 'of_the_shell.txt')  # must not reach a benchmark
        config = write_config(
            tmp_path / 'b.py',
            datasets={'hard': dict(env=dict(GA2MM_STYLE='strong'))},
            env=dict(GA2MM_TRAIN_LIST='base_train_{shots}_{seed}.txt'),
            shots=[2],
            draws=[3],
            seeds=[7],
        )
        cells = {cell.method: cell for cell in read_benchmark(config, tmp_path).cells}
        cfg = cells['deep prompts'].read_config()
        labelled = cfg.train_dataloader.dataset.dataset
        assert labelled.ann_file == 'data/miniature/strong/draw3/base_train_2_7.txt'
        assert cells['GA2-CLIP'].read_config().model.cls_head.coupling.hard_prompt == str(
            tmp_path / cells['GA2-CLIP'].hard_prompt.folder / 'hard_prompt.safetensors'
        )
        assert os.environ['GA2MM_TRAIN_LIST'] == 'of_the_shell.txt'

    def test_variables_are_there_while_a_config_is_read_only(self, tmp_path, monkeypatch):
        monkeypatch.setenv('GA2MM_DRAW', '3')
        monkeypatch.delenv('GA2MM_STYLE', raising=False)
        before = dict(os.environ)
        path = tmp_path / 'c.py'
        path.write_text("found = ['{{$GA2MM_STYLE:mild}}', '{{$GA2MM_DRAW:0}}']\n")
        assert read_config(path, runs=False).found == ['mild', '3']
        assert read_config(path, runs=False, variables=dict(GA2MM_STYLE='strong')).found == ['strong', '0']
        assert dict(os.environ) == before
        path.write_text("found = '{{$GA2MM_STYLE:mild}}' + 1\n")
        with pytest.raises(ValueError, match='c.py, line 1, is not a valid config'):
            read_config(path, runs=False, variables=dict(GA2MM_STYLE='strong'))
        assert dict(os.environ) == before

    def test_validation_takes_the_place_of_the_test(self, tmp_path):
        config = write_config(tmp_path / 'b.py', part='validation', draws=None)
        cell = read_benchmark(config, tmp_path).cells[1]
        ((name, loader),) = cell.read_config().test_dataloader.items()
        assert name == 'base' and loader.dataset.ann_file.endswith('base_val.txt')

    def test_test_sets_take_the_place_of_the_configs(self, tmp_path):
        sets = running.ROOT / 'configs' / '_base_' / 'test_sets'
        config = write_config(tmp_path / 'b.py', datasets={'mild': dict(test_sets=[str(sets / 'ucf101.py')])})
        cell = read_benchmark(config, tmp_path).cells[0]
        assert [loader.dataset.ann_file for loader in cell.read_config().test_dataloader.ucf101] == [
            f'data/ucf101/few_shot/val{split}.txt' for split in (1, 2, 3)
        ]
        both = read_test_sets([sets / 'ucf101.py', sets / 'k400.py'])
        assert set(both) == {'ucf101', 'k400'}
        with pytest.raises(ValueError, match="'ucf101' is in two files"):
            read_test_sets([sets / 'ucf101.py', sets / 'ucf101.py'])

    def test_chain_of_hard_prompts(self, tmp_path):
        cells = all_cells(read_benchmarks(running.ROOT / 'configs/benchmarks/paper.py', tmp_path))
        ucf = next(cell for cell in cells if cell.dataset == 'UCF101' and cell.method == 'GA2-CLIP')
        # All tables share the runs of the hard prompts, two for each seed.
        assert len(sources(cells)) == 6
        assert 'k400_base2novel' in ucf.hard_prompt.config
        assert 'k600_source' in ucf.hard_prompt.hard_prompt.config
        order = [source.folder for source in sources([ucf])]
        assert order == [ucf.hard_prompt.hard_prompt.folder, ucf.hard_prompt.folder]

    @pytest.mark.parametrize(
        ('changes', 'said'),
        [
            (dict(methods={}), 'methods is missing or empty'),
            (dict(baseline='CoOp'), "baseline='CoOp' is not a method"),
            (dict(baseline=['deep prompts', 'CoOp']), "baseline='CoOp' is not a method"),
            (
                dict(methods={'a': dict(config=DEEP_PROMPTS, baseline='CoOp')}, baseline=None),
                "baseline='CoOp' is not a method",
            ),
            (
                dict(methods={'a': dict(config=DEEP_PROMPTS, trained_as='CoOp')}, baseline=None),
                "trained_as='CoOp' is not a method that is trained",
            ),
            (dict(variants={'fast': dict(config='c.py')}), "variants['fast']: unknown key 'config'"),
            (
                dict(methods={name: dict(config=DEEP_PROMPTS) for name in ('a', 'a, b')}, baseline=None)
                | dict(variants={'b': {}}),
                "'a, b' is a method and a variant of 'a'; rename one",
            ),
            (dict(part='tset'), "part='tset'"),
            (dict(draws=[100]), 'draw 100 is not a test draw'),
            (dict(part='validation', draws=[0]), 'draw 0 is not a validation draw'),
            (dict(epochs=3), "unknown key 'epochs'"),
            (dict(datasets={'mild': dict(envs={})}), "unknown key 'envs'"),
            (dict(env=dict(GA2MM_STYLE='{stile}')), "'{stile}' cannot be filled in: 'stile'"),
            (dict(methods={'a': dict(config='no_such.py')}, baseline=None), 'no_such.py does not exist'),
            (dict(methods={'a': {}}, baseline=None), 'config is missing'),
            (dict(checkpoint='Best'), "checkpoint='Best'"),
            (
                dict(checkpoint='best', part='validation', draws=None),
                'is measured on the videos that chose it',
            ),
            (
                dict(part='validation', draws=[100], datasets={'mild': dict(test_sets=['ucf101.py'])}),
                "part='validation' takes no test_sets",
            ),
            (
                dict(methods={name: dict(config=DEEP_PROMPTS) for name in ('a<1', 'a>1')}, baseline=None),
                'differ in punctuation only',
            ),
        ],
        ids=str,
    )
    def test_mistakes_are_named(self, changes, said, tmp_path):
        config = write_config(tmp_path / 'b.py', **changes)
        with pytest.raises((ValueError, FileNotFoundError)) as error:
            read_benchmark(config, tmp_path)
        assert said in str(error.value) and '\n' not in str(error.value)

    def test_variants_are_further_tests_of_each_training(self, tmp_path):
        zero_shot = str(running.CONFIGS / 'miniature_zero_shot.py')
        methods = {
            'zero-shot CLIP': dict(config=zero_shot, learns=False),
            'deep prompts': dict(config=DEEP_PROMPTS, series='by rate', value=0.1),
            'averaged': dict(
                config=DEEP_PROMPTS,
                trained_as='deep prompts',
                options={'model.test_cfg.frozen_share': 0.5},
                baseline='deep prompts',
            ),
        }
        variants = {'calibrated': dict(env=dict(GA2MM_CALIBRATION=0.25))}
        config = write_config(
            tmp_path / 'b.py', methods=methods, variants=variants, hard_prompt=None, baseline=None, seeds=[0]
        )
        benchmark = read_benchmark(config, tmp_path)
        cells = {cell.method: cell for cell in benchmark.cells}
        assert list(cells) == [*methods, *(f'{name}, calibrated' for name in methods)]
        trained = cells['deep prompts']
        for name in methods:
            plain, variant = cells[name], cells[f'{name}, calibrated']
            assert not variant.trains
            assert variant.trained_as == (None if name == 'zero-shot CLIP' else trained)
            assert variant.env == {**plain.env, 'GA2MM_CALIBRATION': '0.25'}
            assert variant.options == plain.options
            calibration = variant.read_config().model.test_cfg.anchor_calibration
            assert calibration.strength == 0.25 and calibration.dataset.kind == 'shuffled_patches'
            assert 'anchor_calibration' not in (plain.read_config().model.get('test_cfg') or {})
        assert (cells['deep prompts, calibrated'].series, cells['deep prompts, calibrated'].value) == (
            'deep prompts, calibrated',
            None,
        )
        # Each is compared with its method, or with the same variant of the method's own baseline.
        assert benchmark.own_baselines == {
            'averaged': 'deep prompts',
            'zero-shot CLIP, calibrated': 'zero-shot CLIP',
            'deep prompts, calibrated': 'deep prompts',
            'averaged, calibrated': 'deep prompts, calibrated',
        }
        # A strength is not chosen on the test.
        variants['half'] = dict(env=dict(GA2MM_CALIBRATION=0.5))
        write_config(config, methods=methods, variants=variants, hard_prompt=None, baseline=None, seeds=[0])
        with pytest.raises(ValueError, match='calibrated.* and .*half.* are the same config with different'):
            read_benchmark(config, tmp_path)

    def test_hyperparameters_are_not_varied_on_the_test(self, tmp_path):
        sweep = {
            f'rate {rate}': dict(config=DEEP_PROMPTS, options={'optim_wrapper.optimizer.lr': rate})
            for rate in (0.1, 1.0)
        }
        hidden = {
            style: dict(config=DEEP_PROMPTS, env=dict(GA2MM_STYLE=style)) for style in ('mild', 'strong')
        }
        config = write_config(tmp_path / 'b.py', methods=hidden, baseline=None)
        with pytest.raises(ValueError, match="part='validation'"):
            read_benchmark(config, tmp_path)
        config = write_config(tmp_path / 'b.py', methods=sweep, baseline=None)
        with pytest.raises(ValueError, match="part='validation'"):
            read_benchmark(config, tmp_path)
        config = write_config(tmp_path / 'b.py', methods=sweep, baseline=None, part='validation', draws=[100])
        assert len(read_benchmark(config, tmp_path).cells) == 4

    def test_methods_of_one_config_are_compared_on_the_test(self, tmp_path):
        strategies = {
            f'{kind}, {weight}': dict(
                config=str(running.CONFIGS / 'miniature_ga2.py'),
                options={'model.anchors.strategies': [dict(type=kind, weight=weight)]},
            )
            for kind in ('Margin', 'JointSoftmax')
            for weight in (0.1, 1.0)
        }
        learners = {
            f'{method}, {style}': dict(
                config=str(running.ZOO / 'miniature.py'), env=dict(GA2MM_METHOD=method, GA2MM_STYLE=style)
            )
            for method in ('coop', 'maple')
            for style in ('mild', 'strong')
        }
        for methods in (strategies, learners):
            config = write_config(tmp_path / 'b.py', methods=methods, baseline=None)
            first, second = list(methods)[:2]
            with pytest.raises(
                ValueError, match=f"'{first}' and '{second}' are the same config with different"
            ):
                read_benchmark(config, tmp_path)
            methods = {name: methods[name] for name in list(methods)[::2]}
            config = write_config(tmp_path / 'b.py', methods=methods, baseline=None)
            assert {cell.method for cell in read_benchmark(config, tmp_path).cells} == set(methods)

    @pytest.mark.parametrize(
        ('key', 'value'),
        [
            ('train_cfg', 2),
            ('train_dataloader.batch_size', 8),
            ('optim_wrapper.accumulative_counts', 2),
            ('train_dataloader.dataset', 20),
        ],
    )
    def test_budgets_must_be_equal(self, key, value, tmp_path):
        config = Config.fromfile(write_config(tmp_path / 'b.py'))
        last = {'train_cfg': '.max_epochs', 'train_dataloader.dataset': '.dataset.indices'}.get(key, '')
        config.methods['deep prompts'].options[key + last] = value
        changed = write_config(tmp_path / 'b.py', methods=config.methods.to_dict())
        cells = read_benchmark(changed, tmp_path).cells
        with pytest.raises(ValueError, match=f'{key} is .* give all methods of a benchmark the same budget'):
            check_budgets(cells)

    def test_a_hash_is_of_all_that_decides_the_outcome(self, tmp_path, in_miniature_folder):
        config = write_config(tmp_path / 'b.py')
        cells = read_benchmark(config, tmp_path).cells
        first = {cell.folder: cell.config_hash for cell in with_hashes(cells, cells)}
        assert len(set(first.values())) == len(first)
        of_two = {cell.config_hash for cell in with_hashes(cells, cells, processes=2)}
        assert not of_two & set(first.values())

        elsewhere = read_benchmark(config, tmp_path / 'elsewhere').cells
        assert {cell.folder: cell.config_hash for cell in with_hashes(elsewhere, elsewhere)} == first

        source = tmp_path / 'source.py'
        source.write_text(source.read_text() + 'optim_wrapper = dict(optimizer=dict(lr=0.5))\n')
        changed = {cell.folder: cell.config_hash for cell in with_hashes(cells, cells)}
        different = {folder for folder in first if changed[folder] != first[folder]}
        assert {folder.parts[2] for folder in different} == {'GA2-CLIP'}

        # All runs read the list of the novel test, runs with anchors read the list of the anchors, and the
        # generator's settings, which no list shows, belong to the videos.
        world = in_miniature_folder / 'data/miniature/mild'
        for name, methods in {
            'draw0/novel_test.txt': {'zero-shot_CLIP', 'deep_prompts', 'GA2-CLIP'},
            'irrelevant/videos.txt': {'GA2-CLIP'},
            'draw0/manifest.json': {'zero-shot_CLIP', 'deep_prompts', 'GA2-CLIP'},
        }.items():
            before = (world / name).read_text()
            try:
                edited = (
                    before.replace('Style(noise=', 'Style(noise=1')
                    if name.endswith('.json')
                    else ''.join(before.splitlines(keepends=True)[:-1])
                )
                assert edited != before
                (world / name).write_text(edited)
                other = {cell.folder: cell.config_hash for cell in with_hashes(cells, cells)}
            finally:
                (world / name).write_text(before)
            assert {folder.parts[2] for folder in first if other[folder] != changed[folder]} == methods

    @pytest.mark.parametrize('content', ['no JSON', '[]', '{"files": {}}', '{"parameters": null}'])
    def test_a_manifest_of_another_kind_changes_no_hash(self, content, tmp_path, in_miniature_folder):
        cells = read_benchmark(write_config(tmp_path / 'b.py'), tmp_path).cells
        manifest = in_miniature_folder / 'data/miniature/mild/draw0/manifest.json'
        before = manifest.read_text()
        try:
            manifest.unlink()
            without = [cell.config_hash for cell in with_hashes(cells, cells)]
            manifest.write_text(content)
            assert [cell.config_hash for cell in with_hashes(cells, cells)] == without
        finally:
            manifest.write_text(before)

    def test_absent_lists_matter_only_for_what_is_to_run(self, tmp_path):
        cells = read_benchmark(write_config(tmp_path / 'b.py', draws=[0, 9]), tmp_path).cells
        here = [cell for cell in cells if cell.draw == 0]
        hashed = with_hashes(cells, here)
        assert [bool(cell.config_hash) for cell in hashed] == [cell.draw == 0 for cell in cells]
        with pytest.raises(FileNotFoundError, match='draw9'):
            with_hashes(cells, cells)


class TestStatistics:
    def test_mean_and_standard_deviation(self):
        found = summarise([row('a', 0, seed, hm) for seed, hm in enumerate((80.0, 85.0, 90.0))], 'hm')
        assert (found.mean, found.deviation, found.runs) == (85.0, pytest.approx(5), 3)
        assert str(found) == '85.0 ± 5.0'
        assert str(summarise([row('a', 0, 0, 80.0)], 'hm')) == '80.0'
        assert summarise([row('a', 0, 0, 80.0)], 'all') is None

    def test_two_results_have_no_deviation_and_no_interval(self):
        """Two draws are two results, however many seeds they have."""
        rows = [row('a', draw, seed, 80.0 + 4 * draw + seed) for draw in (0, 1) for seed in (0, 1)]
        found = summarise(rows, 'hm')
        assert (found.deviation, found.runs, str(found)) == (None, 4, '82.5 (80.5, 84.5)')
        difference = paired_difference(rows, [row('b', draw, 0, 80.0) for draw in (0, 1)], 'hm')
        assert (difference.half_width, difference.units, difference.shown) == (None, 2, False)
        assert str(difference) == '+2.0 (+0.0, +4.0)'

    def test_interval_is_over_draws_with_their_seeds_averaged(self):
        values = {0: (81, 83), 1: (85, 84), 2: (90, 89)}
        rows = [row('a', draw, seed, hm) for draw, hms in values.items() for seed, hm in enumerate(hms)]
        baseline = [row('b', draw, seed, 80.0 + draw) for draw in values for seed in (0, 1)]
        found = paired_difference(rows, baseline, 'hm')
        differences = [82 - 80, 84.5 - 81, 89.5 - 82]
        expected = ttest_1samp(differences, 0).confidence_interval(0.95)
        assert found.units == 3 and found.mean == pytest.approx(sum(differences) / 3)
        assert found.mean - found.half_width == pytest.approx(expected.low)
        assert found.mean + found.half_width == pytest.approx(expected.high)
        assert found.shown == (expected.low > 0) and str(found).endswith('not shown') == (not found.shown)

    def test_a_clear_difference_is_shown(self):
        rows = [row('a', draw, 0, 85 + 0.1 * draw) for draw in range(5)]
        baseline = [row('b', draw, 0, 80.0) for draw in range(5)]
        assert paired_difference(rows, baseline, 'hm').shown
        assert str(paired_difference(rows, baseline, 'hm')) == '+5.2 [+5.0, +5.4]'

    def test_without_draws_seeds_are_the_units(self):
        rows = [row('a', None, seed, 85 + seed) for seed in range(3)]
        found = paired_difference(rows, [row('zero-shot', None, None, 80.0)], 'hm')
        assert (found.units, found.mean) == (3, 6.0)

    def test_order_of_the_rows_is_no_matter_and_unpaired_ones_are_left_out(self):
        rows = [row('a', draw, seed, 80 + 3 * draw + seed) for draw in range(3) for seed in range(2)]
        baseline = [row('b', draw, seed, 80 + draw) for draw in range(3) for seed in range(2)]
        found = paired_difference(rows, baseline, 'hm')
        assert paired_difference(rows[::-1], baseline[::-1], 'hm') == found
        assert paired_difference([*rows, row('a', 7, 0, 0.0)], baseline, 'hm') == found
        assert paired_difference(rows, [], 'hm') is None

    def test_one_unit_has_no_interval(self):
        found = paired_difference([row('a', 0, 0, 85.0)], [row('b', 0, 0, 80.0)], 'hm')
        assert (found.half_width, found.shown, str(found)) == (None, False, '+5.0')

    def test_shots_are_compared_with_their_own(self):
        rows = [row('a', 0, 0, 85.0, shots=4)]
        baseline = [row('b', 0, 0, 80.0, shots=2), row('b', 0, 0, 81.0, shots=4)]
        assert paired_difference(rows, baseline, 'hm').mean == 4.0
        assert paired_difference(rows, [row('zero-shot', 0, None, 70.0)], 'hm').mean == 15.0


class TestTables:
    ROWS = [  # noqa: RUF012
        row('zero-shot', 0, None, 70.0),
        row('deep', 0, 0, 80.0),
        row('deep', 1, 0, 82.0),
        row('GA2', 0, 0, 85.0),
        row('GA2', 1, 0, 87.5),
    ]

    def benchmark(self, **changes) -> Benchmark:
        needed = dict(path=Path('t.py'), title='T', datasets={}, methods={}, seeds=[0], cells=[])
        return Benchmark(**dict(needed, note='A note.', baselines=['deep']) | changes)

    def test_means_and_differences(self):
        scores, differences = make_tables(self.benchmark(), self.ROWS)
        assert scores.columns == ['method', 'base', 'novel', 'HM', 'runs']
        assert scores.rows[2] == ['GA2', *['86.2 (85.0, 87.5)'] * 3, '2']
        assert scores.heading.endswith('mean (both values)')
        assert 'two class draws, which are too few for an interval' in differences.heading
        assert differences.rows[1][0] == 'GA2' and differences.rows[1][3] == '+5.2 (+5.0, +5.5)'
        markdown = scores.markdown().splitlines()
        assert markdown[2] == '| method | base | novel | HM | runs |'
        assert markdown[5] == '| deep | 81.0 (80.0, 82.0) | 81.0 (80.0, 82.0) | 81.0 (80.0, 82.0) | 2 |'

    def test_differences_to_several_baselines(self):
        _, to_deep, to_zero_shot = make_tables(self.benchmark(baselines=['deep', 'zero-shot']), self.ROWS)
        assert 'difference to deep' in to_deep.heading and 'to zero-shot' in to_zero_shot.heading
        assert [each[0] for each in to_deep.rows] == ['zero-shot', 'GA2']
        assert [each[0] for each in to_zero_shot.rows] == ['deep', 'GA2']

    def test_differences_of_methods_to_their_own_baselines(self):
        own = {'GA2': 'deep', 'deep': 'zero-shot', 'GA3': 'deep'}
        _, pairs = make_tables(self.benchmark(baselines=[], own_baselines=own), self.ROWS)
        assert [each[0] for each in pairs.rows] == ['deep against zero-shot', 'GA2 against deep']
        assert pairs.rows[0][3] == '+10.0' and pairs.rows[1][3] == '+5.2 (+5.0, +5.5)'
        assert pairs.heading.startswith('mild: difference in points, mean of two class draws')

    def test_three_draws_have_deviations_and_intervals(self):
        rows = [*self.ROWS, row('deep', 2, 0, 84.0), row('GA2', 2, 0, 90.0)]
        scores, differences = make_tables(self.benchmark(), rows)
        assert scores.heading.endswith('mean ± standard deviation')
        assert scores.rows[1][3] == '82.0 ± 2.0'
        assert '95 % interval over 3 class draws' in differences.heading
        assert differences.rows[1][3].startswith('+5.5 [')

    def test_no_differences_without_a_baseline(self):
        assert len(make_tables(self.benchmark(baselines=[]), self.ROWS)) == 1

    def test_footer_says_what_it_was_made_from(self):
        footer = make_footer(self.benchmark(part='validation'), self.ROWS)
        for said in ('class draws 0, 1', 'seeds 0', 'commit abc', '5 minutes', 'VALIDATION', 'A note.'):
            assert said in footer

    def test_rows_are_read_back(self, tmp_path):
        write_rows(self.ROWS, tmp_path)
        assert rows_of(tmp_path) == self.ROWS
        with (tmp_path / 'results.csv').open(newline='') as file:
            found = list(csv.DictReader(file))
        assert [(each['method'], float(each['hm'])) for each in found] == [
            (each['method'], each['hm']) for each in self.ROWS
        ]
        assert json.loads(found[0]['scores']) == self.ROWS[0]['scores'] and found[0]['seed'] == ''


def test_slots(monkeypatch):
    gpus = [str(index) for index in range(8)]
    assert slots_for(None, gpus, 4) == [['0', '1', '2', '3'], ['4', '5', '6', '7']]
    assert slots_for(1, gpus, 2) == [['0', '1']]
    assert slots_for(None, ['4', '7'], 1) == [['4'], ['7']]
    assert slots_for(3, [], 2) == [[], [], []]
    with pytest.raises(ValueError, match='this machine has 2 GPUs'):
        slots_for(None, ['0', '1'], 4)
    with pytest.raises(ValueError, match='room for 2'):
        slots_for(3, gpus[:4], 2)


@pytest.mark.slow
class TestRuns:
    @pytest.fixture(scope='class')
    def finished(self, miniature_folder, tmp_path_factory) -> Path:
        """The folder of a finished benchmark; its config is in the same folder."""
        folder = tmp_path_factory.mktemp('benchmark')
        run(write_config(folder / 'b.py'), folder / 'out', miniature_folder)
        return folder / 'out'

    def test_rows_tables_and_report(self, finished):
        rows = rows_of(finished)
        learnt = [(method, seed) for seed in (0, 1) for method in ('deep prompts', 'GA2-CLIP')]
        assert [(each['method'], each['seed']) for each in rows] == [('zero-shot CLIP', None), *learnt]
        for each in rows:
            expected = 2 * each['base'] * each['novel'] / ((each['base'] + each['novel']) or 1)
            assert each['hm'] == pytest.approx(expected, abs=1e-3)
            assert set(each['scores']) >= {'base', 'novel', 'hm', 'generalized/hm'}
            assert len(each['per_class']['base']) == 12
            mean = sum(each['per_class']['base'].values()) / 12  # two videos of each class
            assert mean == pytest.approx(each['base'], abs=0.01)
            assert each['seconds'] > 0 and each['versions']['torch'] and each['commit']
        table = (finished / 'table.md').read_text()
        assert '| GA2-CLIP |' in table and 'difference to deep prompts' in table
        report = (finished / 'report.html').read_text()
        # Bars, trade-off, curves, two confusions, t-SNE.
        assert report.count('data:image/svg+xml;base64,') == report.count('<figcaption>') == 6
        assert report.count('<div class="clip">') == 8

    def test_only_what_is_open_or_changed_runs_again(self, finished, miniature_folder, tmp_path):
        """One method gets another learning rate; a run of another was killed between training and test."""
        shutil.copytree(finished.parent, tmp_path / 'copy')
        work_dir, config = tmp_path / 'copy' / 'out', tmp_path / 'copy' / 'b.py'
        stamps = {path: path.stat().st_mtime_ns for path in work_dir.glob('cells/*/*/*/result.json')}
        before = rows_of(work_dir)
        killed = work_dir / 'cells/mild/GA2-CLIP/draw0_seed1'
        trained = (killed / 'epoch_1.pth').stat().st_mtime_ns
        (killed / 'result.json').unlink()
        (killed / 'trained.txt').unlink()
        changed = Config.fromfile(config).methods.to_dict()
        changed['deep prompts']['options']['optim_wrapper.optimizer.lr'] = 0.5
        write_config(config, methods=changed)
        # The path identifies the run of the hard prompt; this one has the path of the copy.
        (config.parent / 'source.py').write_text((finished.parent / 'source.py').read_text())
        run(config, work_dir, miniature_folder)

        kept = {path for path, stamp in stamps.items() if path.exists() and path.stat().st_mtime_ns == stamp}
        names = {'/'.join(path.parts[-4:-1]) for path in set(stamps) - kept}
        assert names == {
            'mild/deep_prompts/draw0_seed0',
            'mild/deep_prompts/draw0_seed1',
            'mild/GA2-CLIP/draw0_seed1',
        }
        assert (killed / 'epoch_1.pth').stat().st_mtime_ns == trained
        for old, new in zip(before, rows_of(work_dir), strict=True):
            if old['method'] == 'deep prompts':
                assert old['config_hash'] != new['config_hash']
            else:
                assert old['scores'] == new['scores']

    def test_killed_and_started_again_it_gives_the_same_table(self, finished, miniature_folder, tmp_path):
        """The tool is killed while the last run trains."""
        (tmp_path / 'wait_here.py').write_text(WAIT_HERE)
        (tmp_path / 'waiting.py').write_text(
            f'_base_ = {str(running.CONFIGS / "miniature_ga2.py")!r}\n'
            "custom_imports = dict(imports=['wait_here'])\n"
            "custom_hooks = [dict(type='WaitHere')]\n"
        )
        config = write_config(tmp_path / 'b.py')
        methods = Config.fromfile(config).methods.to_dict()
        methods['GA2-CLIP']['config'] = str(tmp_path / 'waiting.py')
        write_config(config, methods=methods)
        places = dict(cwd=miniature_folder, PYTHONPATH=f'{running.ROOT}:{tmp_path}')
        command = (sys.executable, TOOL, config, '--work-dir', tmp_path / 'out')
        wait, waiting = tmp_path / 'wait', tmp_path / 'waiting'
        wait.touch()
        process = start(*command, '--jobs', 1, **places, WAIT=wait, WAITING=waiting)
        until(waiting.exists, process)
        children = set(descendants(process.pid))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not children & set(alive()))
        stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob('out/cells/*/*/*/result.json')}
        assert len(stamps) == 4  # two hard prompts, zero-shot CLIP and deep prompts with the first seed

        wait.unlink()
        finish(start(*command, **places, WAIT=wait, WAITING=waiting))
        assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
        # The same seeds give the same numbers, whichever process they ran in.
        assert [each['scores'] for each in rows_of(tmp_path / 'out')] == [
            each['scores'] for each in rows_of(finished)
        ]

    @pytest.fixture(scope='class')
    def with_a_failure(self, miniature_folder, tmp_path_factory) -> tuple[Path, str]:
        """A benchmark on the best checkpoints: one method fails, another tests what a third has learnt.

        The third is not chosen.
        """
        folder = tmp_path_factory.mktemp('with_a_failure')
        too_deep = folder / 'too_deep.py'
        too_deep.write_text(
            f'_base_ = {DEEP_PROMPTS!r}\nmodel = dict(cls_head=dict(text_prompt=dict(depth=99)))\n'
        )
        methods = {
            'averaged': dict(
                config=DEEP_PROMPTS,
                trained_as='deep prompts',
                options={'model.backbone.pretrained': 'random', 'model.test_cfg.frozen_share': 0.5},
            ),
            'deep prompts': dict(config=DEEP_PROMPTS, options=SHORT),
            'too deep': dict(config=str(too_deep), options=SHORT),
        }
        changes = dict(methods=methods, hard_prompt=None, seeds=[0], checkpoint='best')
        command = (sys.executable, TOOL, write_config(folder / 'b.py', **changes))
        options = ('--work-dir', folder / 'out', '--only', 'method=averaged,too deep')
        return folder / 'out', finish(start(*command, *options, cwd=miniature_folder), 1)

    def test_a_method_tests_what_another_has_learnt(self, with_a_failure):
        work_dir, said = with_a_failure
        assert 'averaged' in said
        averaged, deep = rows_of(work_dir)
        assert (averaged['method'], deep['method']) == ('averaged', 'deep prompts')
        assert averaged['checkpoint'] == deep['checkpoint']
        assert averaged['scores'] != deep['scores']
        assert len(list(work_dir.glob('cells/mild/*/*/trained.txt'))) == 1
        assert (work_dir / 'report.html').is_file()

    def test_a_failing_run_is_named_and_the_others_finish(self, with_a_failure):
        work_dir, said = with_a_failure
        assert 'failed: too deep, mild, draw 0, seed 0: ValueError: ' in said and 'depth 99' in said
        assert 'error: 1 runs failed' in said
        assert {each['method'] for each in rows_of(work_dir)} == {'averaged', 'deep prompts'}
        assert '2 of 3 runs' in (work_dir / 'table.md').read_text()

    def test_best_checkpoint_of_the_validation(self, with_a_failure):
        work_dir, _ = with_a_failure
        assert all(Path(each['checkpoint']).name.startswith('best_') for each in rows_of(work_dir))
        assert 'the best on validation videos' in (work_dir / 'table.md').read_text()

    def test_a_run_of_two_processes(self, finished, miniature_folder, tmp_path):
        """A run of two processes with 16 clips each must finish and write one row."""
        config = write_config(tmp_path / 'b.py', seeds=[0])
        run(config, tmp_path / 'out', miniature_folder, '--gpus-per-run', 2, '--only', 'method=deep prompts')
        (found,) = rows_of(tmp_path / 'out')
        assert (found['method'], found['processes']) == ('deep prompts', 2) and found['hm'] is not None


def test_list_of_runs(in_miniature_folder, tmp_path, capsys):
    config = write_config(tmp_path / 'b.py')
    options = ['--dry-run', '--only', 'seed=1', '--limit', 2]
    running.tool('run_protocol.py', config, '--work-dir', tmp_path / 'out', *options)
    assert capsys.readouterr().out.splitlines() == [
        'zero-shot CLIP, mild, draw 0',
        'deep prompts, mild, draw 0, seed 1',
        '2 runs, and 0 that they build on',
    ]
    assert not (tmp_path / 'out').exists()


def test_runs_are_chosen_by_their_names(in_miniature_folder, tmp_path, capsys):
    config = write_config(tmp_path / 'b.py', datasets={'mild': {}, 'mild, again': {}}, seeds=[0])
    running.tool('run_protocol.py', config, '--dry-run', '--only', 'dataset=mild, again')
    output = capsys.readouterr().out
    assert 'zero-shot CLIP, mild, again, draw 0' in output and '3 runs' in output
    with pytest.raises(SystemExit, match='no run has method CoOp; the values are GA2-CLIP, deep prompts'):
        running.tool('run_protocol.py', config, '--dry-run', '--only', 'method=CoOp,GA2-CLIP')
    with pytest.raises(SystemExit, match='write method=, dataset='):
        running.tool('run_protocol.py', config, '--dry-run', '--only', 'methods=GA2-CLIP')


# A hook that logs a line and waits in the first step while a file exists.
WAIT_HERE = """
import os, time
from pathlib import Path
from mmengine.hooks import Hook
from ga2mm.registry import HOOKS

@HOOKS.register_module()
class WaitHere(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        while Path(os.environ['WAIT']).exists():
            Path(os.environ['WAITING']).touch()
            time.sleep(0.05)
"""


def until(happened: Callable[[], bool], process: subprocess.Popen | None = None) -> None:
    """Wait for a condition while the process that causes it is running."""
    for _ in range(18_000):  # a quarter of an hour: it hangs
        if happened():
            return
        assert process is None or process.poll() is None, finish(process)
        time.sleep(0.05)
    raise AssertionError('this never happened')


def alive() -> dict[int, int]:
    """Parent of every process that has not ended."""
    found = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, parent = path.read_text().rpartition(')')[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state != 'Z':
            found[int(path.parent.name)] = int(parent)
    return found


def descendants(pid: int) -> list[int]:
    parents = alive()
    found = [pid]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def test_a_best_checkpoint_is_not_chosen_on_the_test(in_miniature_folder, tmp_path):
    cfg = running.miniature('deep_prompts', tmp_path, default_hooks__checkpoint__save_best='acc/top1')
    cfg.val_dataloader.dataset.ann_file = cfg.test_dataloader.base.dataset.ann_file
    cfg.launcher = 'none'
    with pytest.raises(ValueError, match="save_best would choose the checkpoint on the test set 'base'"):
        train(cfg)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('methods', 5),
        ('methods', {'a': 1}),
        ('datasets', []),
        ('seeds', 'one'),
        ('seeds', [0.5]),
        ('env', 3),
        ('hard_prompt', {'config': None}),
        ('worlds', 3),
        ('baseline', 3),
        ('title', {}),
    ],
)
def test_a_value_of_another_kind_is_one_line(key, value, tmp_path):
    path = tmp_path / 'b.py'
    content = dict(methods=dict(a=dict(config='a.py')), datasets=dict(d={}), seeds=[0])
    path.write_text('\n'.join(f'{name} = {one!r}' for name, one in (content | {key: value}).items()))
    with pytest.raises(ValueError, match=f'b.py.*{"config" if key == "hard_prompt" else key}.*give|leave'):
        read_benchmark(path, tmp_path)
