"""Pictures: what they show equals the data, and the scripts run on small inputs."""

import json
import statistics
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import imread
from mmengine.config import Config

from ga2mm.apis import video_features
from ga2mm.registry import MODELS
from ga2mm.visualization import (
    VideoSet,
    bars_figure,
    confusion_figure,
    count_confusion,
    curves_figure,
    read_results,
    read_scalars,
    save_figure,
    tradeoff_figure,
    tsne,
    tsne_figure,
)
from tests.helpers import running
from tests.helpers.running import miniature, tool, train

NAMES = ['run', 'jump', 'sit']
CONFUSION = [[0, 0, 3], [0, 1, 1], [1, 1, 2], [1, -1, 2]]
CONFIG = running.CONFIGS / 'miniature_deep_prompts.py'


def result(base: float | None, novel: float | None, method: str = 'GA2-CLIP', **more) -> dict:
    """One row of results."""
    hm = None if base is None or novel is None else 2 * base * novel / (base + novel)
    return dict(method=method, dataset='a', draw=0, seed=0, shots=16, base=base, novel=novel, hm=hm) | more


ROWS = [
    result(81, 86, 'zero-shot'),
    result(90, 84),
    result(92, 88, seed=1),
    result(91, 86, seed=2),
    result(70, None, 'few-shot'),
]


def texts(figure: Figure) -> set[str]:
    """All texts of a figure."""
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, 'get_text'))}


def bars_of(axes: Axes) -> list[BarContainer]:
    """The groups of bars in a plot."""
    return [item for item in axes.containers if isinstance(item, BarContainer)]


def error_of(name: str, *args) -> str:
    """The error line of a script."""
    with pytest.raises(SystemExit) as error:
        tool(f'analysis/{name}', *args)
    line = str(error.value)
    assert line.startswith('error: ') and '\n' not in line, line
    return line


def assert_complete(path: Path) -> None:
    """Check that both files of a picture can be read, and that there are no other files."""
    found = [file.name for file in sorted(path.parent.glob(f'*{path.name}*'))]
    assert found == [f'{path.name}.png', f'{path.name}.svg']
    assert imread(f'{path}.png').shape[1] >= 600
    assert ElementTree.parse(f'{path}.svg').getroot().tag.endswith('svg')


def write_scalars(work_dir: Path, time: str, *rows: dict) -> Path:
    """The log files of a run of MMEngine."""
    path = work_dir / time / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
    return path


def step(number: int, loss: float) -> dict:
    """A row of training."""
    return dict(lr=0.1 / number, loss=loss, loss_cls=loss / 2, loss_anchor=loss / 2, step=number)


class TestSaveFigure:
    def test_files_are_complete_and_the_same_for_the_same_data(self, tmp_path):
        files = save_figure(bars_figure(ROWS), tmp_path / 'new' / 'bars_v1.2')
        assert files == (tmp_path / 'new' / 'bars_v1.2.png', tmp_path / 'new' / 'bars_v1.2.svg')
        assert_complete(tmp_path / 'new' / 'bars_v1.2')
        again = save_figure(bars_figure(ROWS), tmp_path / 'again' / 'bars_v1.2')
        assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]


class TestBars:
    def test_heights_are_means_and_lines_are_standard_deviations(self):
        (axes,) = bars_figure(ROWS).axes
        heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in bars_of(axes)}
        hms = [row['hm'] for row in ROWS]
        assert heights['zero-shot'] == pytest.approx([81, 86, hms[0]])
        assert heights['GA2-CLIP'] == pytest.approx([91, 86, statistics.mean(hms[1:4])])
        (segments,) = [lines.get_segments() for lines in axes.collections]
        spread = statistics.stdev([90, 92, 91])
        assert segments[0][:, 1] == pytest.approx([91 - spread, 91 + spread])

    def test_two_results_have_no_line(self):
        (axes,) = bars_figure(ROWS[1:3]).axes
        assert not axes.collections

    def test_missing_accuracy_has_no_bar(self):
        (axes,) = bars_figure(ROWS).axes
        (bars,) = [bars for bars in bars_of(axes) if bars.get_label() == 'few-shot']
        assert [bar.get_height() for bar in bars] == [70]
        assert bars[0].get_center()[0] < 0.5  # above the first name, base

    def test_column_that_nobody_has_is_left_out(self):
        (axes,) = bars_figure([result(70, None)]).axes
        assert [label.get_text() for label in axes.get_xticklabels()] == ['base classes\n(tuned)']

    def test_no_two_methods_look_alike(self):
        (axes,) = bars_figure([result(80, 70, f'method {number}') for number in range(12)]).axes
        assert len({(bars[0].get_facecolor(), bars[0].get_hatch()) for bars in bars_of(axes)}) == 12

    def test_one_panel_a_dataset(self):
        figure = bars_figure([*ROWS, result(50, 50, dataset='b')])
        assert [axes.get_title('left') for axes in figure.axes] == ['a', 'b']

    @pytest.mark.parametrize('rows', [[], [result(None, None)]])
    def test_nothing_to_draw(self, rows):
        with pytest.raises(ValueError, match='no row has an accuracy'):
            bars_figure(rows)


class TestTradeoff:
    def test_points_are_means_with_standard_deviations(self):
        (axes,) = tradeoff_figure(ROWS).axes
        points = {bars.get_label(): bars for bars in axes.containers}
        assert set(points) == {'zero-shot', 'GA2-CLIP'}  # few-shot has no novel accuracy
        assert points['GA2-CLIP'].lines[0].get_xydata().tolist() == [[91, 86]]
        across, upwards = [lines.get_segments()[0] for lines in points['GA2-CLIP'].lines[2]]
        assert across[:, 0] == pytest.approx([90, 92])
        assert upwards[:, 1] == pytest.approx([84, 88])

    def test_all_points_are_inside_the_axes(self):
        (axes,) = tradeoff_figure([result(100, 3), result(40, 100, 'other')]).axes
        for x, y in [(100, 3), (40, 100)]:
            assert axes.get_xlim()[0] < x < axes.get_xlim()[1] and axes.get_ylim()[0] < y < axes.get_ylim()[1]

    def test_values_are_joined_in_their_order_and_written_at_the_points(self):
        rows = [result(90, 70, value=3.0), result(96, 60, value=0.5), result(80, 75, value=10.0)]
        figure = tradeoff_figure(rows)
        (bars,) = figure.axes[0].containers
        assert bars.lines[0].get_xydata().tolist() == [[96, 60], [90, 70], [80, 75]]
        at = {text.get_text(): text.xy for text in figure.axes[0].texts if hasattr(text, 'xy')}
        assert at == {'0.5': (96, 60), '3': (90, 70), '10': (80, 75)}

    def test_series_by_another_key(self):
        rows = [result(90, 70, shots=2), result(92, 68, shots=16), result(94, 66, shots=16)]
        (axes,) = tradeoff_figure(rows, by='shots').axes
        assert [bars.get_label() for bars in axes.containers] == ['2', '16']
        with pytest.raises(ValueError, match="row 1 has no 'depth'"):
            tradeoff_figure(rows, by='depth')

    def test_lines_of_equal_harmonic_mean(self):
        (axes,) = tradeoff_figure(ROWS).axes
        (contour,) = [item for item in axes.collections if hasattr(item, 'levels')]
        for level, path in zip(contour.levels, contour.get_paths(), strict=True):
            if len(path.vertices):
                x, y = path.vertices.T
                assert 2 * x * y / (x + y) == pytest.approx(level, abs=0.05)
        assert sum(len(path.vertices) > 0 for path in contour.get_paths()) >= 3

    def test_values_without_an_order(self):
        with pytest.raises(ValueError, match='GA2-CLIP: the values 3, None cannot be ordered'):
            tradeoff_figure([result(90, 70, value=3), result(90, 70)])

    def test_nothing_to_draw(self):
        with pytest.raises(ValueError, match='no row has both'):
            tradeoff_figure([result(70, None)])

    def test_script(self, tmp_path, capsys):
        (tmp_path / 'results.json').write_text(json.dumps(ROWS))
        tool('analysis/tradeoff.py', tmp_path / 'results.json', '--by', 'shots', '--out', tmp_path / 'out')
        assert_complete(tmp_path / 'out' / 'tradeoff')
        assert capsys.readouterr().out.split() == [
            str(tmp_path / f'out/tradeoff.{end}') for end in ('png', 'svg')
        ]

    @pytest.mark.parametrize(
        ('content', 'said'),
        [
            ('[{', 'is not a JSON file'),
            ('{}', 'must hold a list of rows'),
            ('[]', 'must hold a list of rows'),
            ('[3]', 'row 1: 3 is not a row'),
            (json.dumps([ROWS[0], {**ROWS[1], 'base': 'x'}]), "row 2: base is 'x'"),
            (json.dumps([{**ROWS[0], 'novel': 101}]), 'row 1: novel is 101'),
            ('[{"method": "m", "dataset": "a", "base": NaN, "novel": 1, "hm": 1}]', 'row 1: base is nan'),
            ('[{"method": "m", "dataset": "a", "base": 1, "novel": 1}]', "row 1: hm is 'missing'"),
            (json.dumps([{**ROWS[0], 'dataset': None}]), 'row 1: dataset is None'),
        ],
    )
    def test_bad_results(self, content, said, tmp_path):
        path = tmp_path / 'results.json'
        path.write_text(content)
        with pytest.raises(ValueError) as error:
            read_results(path)
        assert str(path) in str(error.value) and said in str(error.value)

    def test_script_names_the_missing_file(self, tmp_path):
        assert 'nowhere.json' in error_of('tradeoff.py', tmp_path / 'nowhere.json')


class TestConfusion:
    def test_counts(self):
        assert count_confusion(CONFUSION, 3).tolist() == [[3, 1, 0, 0], [0, 2, 0, 2], [0, 0, 0, 0]]

    def test_matrix_is_in_per_cent_of_the_class(self):
        figure = confusion_figure(NAMES, count_confusion(CONFUSION, 3), 'base classes')
        shown = figure.axes[0].images[0].get_array()
        assert shown[:2].tolist() == [[75, 25, 0, 0], [0, 50, 0, 50]]
        assert np.ma.getmaskarray(shown)[2].all()  # no video of this class
        assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [*NAMES, 'unreadable']
        assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == NAMES
        assert figure.axes[0].get_title() == 'base classes: 62.5 % of 8 videos right'
        assert {'75', '25', '50'} <= texts(figure)

    def test_column_of_unreadable_videos_only_where_there_are_any(self):
        figure = confusion_figure(NAMES, count_confusion(CONFUSION[:3], 3), 'base')
        assert figure.axes[0].images[0].get_array().shape == (3, 3)

    def test_many_classes_list_the_pairs_that_are_confused_most(self):
        triples = [[label, label, 8] for label in range(70)] + [[5, 6, 2], [30, 2, 8], [1, -1, 100]]
        names = [f'class {label}' for label in range(70)]
        figure = confusion_figure(names, count_confusion(triples, 70), 'all')
        (listed,) = [axes for axes in figure.axes if axes.containers]
        assert [bar.get_width() for bar in listed.containers[0]] == [50, 20]
        assert [label.get_text() for label in listed.get_yticklabels()] == [
            'class 30 → class 2',
            'class 5 → class 6',
        ]
        (matrix,) = [axes for axes in figure.axes if axes.images]
        assert len(matrix.get_xticks()) == len(matrix.get_yticks()) == 0

    def test_long_names_keep_their_start_and_end(self):
        names = ['Pretending to put something behind something', 'Pretending to put something onto something']
        figure = confusion_figure(names, count_confusion([[0, 1, 1]], 2), 'ssv2')
        shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert len(set(shown)) == 2 and all(len(name) <= 36 for name in shown)

    @pytest.mark.parametrize(
        'triple',
        [[0, 3, 1], [-1, 0, 1], [0, -2, 1], [0, 0, 0], [0, 0], [0, 0, 1.0], [True, 0, 1], 'abc', None],
    )
    def test_bad_triple(self, triple):
        with pytest.raises(ValueError, match=r'confusion\[1\] is '):
            count_confusion([[0, 0, 1], triple], 3)

    def test_no_video(self):
        with pytest.raises(ValueError, match='no video'):
            count_confusion([], 3)

    def test_script(self, tmp_path):
        path = tmp_path / 'test_metrics.json'
        found = dict(class_names=NAMES, confusion=CONFUSION)
        path.write_text(json.dumps(dict(sets=dict(base=found, novel=found))))
        tool('analysis/confusion.py', path, '--set', 'novel', '--out', tmp_path / 'novel')
        assert [file.name for file in sorted((tmp_path / 'novel').iterdir())] == [
            'confusion_novel.png',
            'confusion_novel.svg',
        ]
        tool('analysis/confusion.py', path)
        assert_complete(tmp_path / 'confusion_base')
        assert_complete(tmp_path / 'confusion_novel')
        assert 'has no set' in error_of('confusion.py', path, '--set', 'other')

    @pytest.mark.parametrize(
        ('content', 'said'),
        [
            ('{', 'is not a test report'),
            ('[]', 'is not a test report'),
            ('{"sets": {"base": 3}}', 'is not a test report'),
            ('{"sets": {"base": {"videos": 3}}}', 'sets.base has no class_names and confusion'),
            ('{"sets": {"base": {"class_names": [1], "confusion": []}}}', 'sets.base.class_names'),
            (
                '{"sets": {"base": {"class_names": ["a"], "confusion": [[0, 1, 1]]}}}',
                'sets.base.confusion[0]',
            ),
            ('{"sets": {"base": {"class_names": ["a"], "confusion": []}}}', 'sets.base.confusion is empty'),
        ],
    )
    def test_bad_report(self, content, said, tmp_path):
        path = tmp_path / 'test_metrics.json'
        path.write_text(content)
        line = error_of('confusion.py', path)
        assert str(path) in line and said in line
        assert list(tmp_path.iterdir()) == [path]

    def test_script_names_the_missing_file(self, tmp_path):
        assert 'nowhere.json' in error_of('confusion.py', tmp_path / 'nowhere.json')


class TestCurves:
    def test_resumed_run_is_one_curve_and_the_later_wins(self, tmp_path):
        write_scalars(tmp_path, '20260101_000000', step(10, 4.0), step(15, 3.5), step(20, 3.0), step(25, 9.0))
        write_scalars(tmp_path, '20260102_000000', step(20, 2.0), {'acc/top1': 0.5, 'step': 2}, step(30, 1.0))
        scalars = read_scalars(tmp_path)
        assert scalars['loss'] == {10: 4.0, 15: 3.5, 20: 2.0, 30: 1.0}
        assert scalars['acc/top1'] == {20: 0.5}  # counted in epochs, drawn at its training step

    def test_curves_are_the_scalars(self):
        scalars = {
            'lr': {10: 0.1, 20: 0.05},
            'loss': {10: 3.0, 20: 2.0},
            'loss_cls': {10: 2.0, 20: 1.5},
            'loss_anchor': {10: 1.0, 20: 0.5},
            'time': {10: 1.0, 20: 1.0},
            'acc/top1': {20: 0.75},
        }
        losses, rate, accuracy = curves_figure(scalars, 'run').axes
        drawn = {line.get_label(): line.get_xydata().tolist() for line in losses.lines}
        assert drawn == {
            'sum': [[10, 3.0], [20, 2.0]],
            'cls': [[10, 2.0], [20, 1.5]],
            'anchor': [[10, 1.0], [20, 0.5]],
        }
        assert rate.lines[0].get_xydata().tolist() == [[10, 0.1], [20, 0.05]]
        assert accuracy.lines[0].get_xydata().tolist() == [[20, 75]]
        assert 'accuracy (%)' in accuracy.get_ylabel()

    def test_run_without_validation_and_with_a_single_loss(self):
        scalars = {'lr': {1: 0.1}, 'loss': {1: 3.0}, 'loss_cls': {1: 3.0}}
        losses, _ = curves_figure(scalars, 'run').axes
        assert [line.get_label() for line in losses.lines] == ['cls']

    def test_nothing_to_draw(self):
        with pytest.raises(ValueError, match='none of time is a loss'):
            curves_figure({'time': {1: 1.0}}, 'run')

    def test_script_draws_a_real_run(self, tmp_path, in_miniature_folder):
        runner = train(miniature('deep_prompts', tmp_path / 'run', default_hooks__logger__interval=1))
        scalars = read_scalars(tmp_path / 'run')
        assert list(scalars['loss']) == list(range(1, runner.iter + 1))
        assert list(scalars['acc/top1']) == [runner.iter]
        tool('analysis/curves.py', tmp_path / 'run')
        assert_complete(tmp_path / 'run' / 'curves')

    def test_bad_row_is_named(self, tmp_path):
        path = write_scalars(tmp_path, '20260101_000000', step(10, 4.0))
        path.write_text(path.read_text() + '{"lr": 0.1, "lo')
        assert f'{path}, row 2' in error_of('curves.py', tmp_path)

    def test_folder_without_a_run(self, tmp_path):
        assert str(tmp_path) in error_of('curves.py', tmp_path)
        write_scalars(tmp_path, '20260101_000000')
        assert 'has no logged values' in error_of('curves.py', tmp_path)


class TestTSNE:
    @pytest.fixture(scope='class')
    def script(self) -> dict:
        """The functions that the script calls."""
        return vars(video_features)

    @pytest.fixture
    def cfg(self, tmp_path, in_miniature_folder) -> Config:
        """A config on the untrained CLIP."""
        return miniature('deep_prompts', tmp_path)

    @pytest.fixture
    def checkpoint(self, cfg, tmp_path) -> Path:
        """A checkpoint of that config, with prompts at random."""
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        with torch.no_grad():
            model.cls_head.vision_prompt.soft_prompt.normal_()
        torch.save({'state_dict': model.state_dict()}, tmp_path / 'tuned.pth')
        return tmp_path / 'tuned.pth'

    def test_groups_stay_groups_and_a_seed_fixes_the_points(self):
        centres = np.eye(3, 16).repeat(10, axis=0)
        features = centres + 0.01 * np.random.default_rng(0).normal(size=centres.shape)
        points = tsne(features, seed=1)
        assert np.array_equal(points, tsne(features, seed=1))
        middles = points.reshape(3, 10, 2).mean(axis=1)
        nearest = np.linalg.norm(points[:, None] - middles, axis=-1).argmin(axis=1)
        assert nearest.tolist() == np.arange(3).repeat(10).tolist()

    def test_too_few_videos(self):
        with pytest.raises(ValueError, match='5 videos or more, not 4'):
            tsne(np.eye(4), seed=0)

    @pytest.mark.parametrize('classes', [3, 13])
    def test_figure_shows_each_point_once_and_names_up_to_12_classes(self, classes):
        names = [f'class {label}' for label in range(classes)]
        labels = np.arange(classes).repeat(2)
        points = {
            model: np.random.default_rng(0).normal(size=(2 * classes, 2)) for model in ('frozen', 'tuned')
        }
        sets = [VideoSet(title, names, labels, points) for title in ('base', 'novel')]
        figure = tsne_figure(sets, 'features')
        assert len(figure.axes) == 4
        for axes, model in zip(figure.axes, ['frozen', 'tuned'] * 2, strict=True):
            shown = [collection.get_offsets() for collection in axes.collections]
            assert np.array_equal(np.concatenate(shown), points[model])
        styles = {
            (tuple(item.get_facecolor()[0]), item.get_paths()[0].vertices.tobytes())
            for item in figure.axes[0].collections
        }
        assert len(styles) == classes
        assert (names[0] in texts(figure)) is (classes <= 12)

    def test_no_set(self):
        with pytest.raises(ValueError, match='no test set'):
            tsne_figure([], 'features')

    def test_features_are_those_of_the_two_models(self, script, cfg, checkpoint):
        models = script['load_models'](cfg, checkpoint)
        loader = script['Runner'].build_dataloader(dict(cfg.test_dataloader.base))
        (frozen, tuned), labels = script['video_features'](models, loader, 'base')
        assert sorted(labels) == sorted([*range(12)] * 2)
        (batch,) = loader
        inputs = models[1].data_preprocessor(batch)['inputs']
        with torch.no_grad():
            clips = models[1]._to_clips(inputs)
            encoders = models[1].frozen_video_encoder, models[1].video_encoder
            expected = [encoder(clips).features for encoder in encoders]
        assert frozen == pytest.approx(expected[0].numpy(), abs=1e-5)
        assert tuned == pytest.approx(expected[1].numpy(), abs=1e-5)
        assert np.abs(frozen - tuned).max() > 0.01

    def test_unreadable_videos_are_named_and_left_out(self, script, cfg, checkpoint, capsys):
        models = script['load_models'](cfg, checkpoint)
        dataset = cfg.test_dataloader.base.dataset
        lines = Path(dataset.ann_file).read_text().splitlines()
        listed = checkpoint.with_name('list.txt')
        listed.write_text('\n'.join([*lines[:4], 'nowhere.mkv 0']))
        dataset.ann_file = str(listed)
        loader = script['Runner'].build_dataloader(dict(cfg.test_dataloader.base))
        features, labels = script['video_features'](models, loader, 'base')
        assert [len(found) for found in features] == [4, 4] and len(labels) == 4
        assert 'nowhere.mkv' in capsys.readouterr().out

    def test_at_most_so_many_videos_of_each_class_and_each_once(self, script, cfg, checkpoint):
        labels = [0, 1, 0, 0, 2, 1, 1]
        chosen = script['choose_videos'](labels, 2, seed=0)
        assert chosen == sorted(set(chosen)) and sorted(labels[i] for i in chosen) == [0, 0, 1, 1, 2]
        assert chosen == script['choose_videos'](labels, 2, seed=0)
        assert len({tuple(script['choose_videos'](labels, 2, seed)) for seed in range(20)}) > 1
        models = script['load_models'](cfg, checkpoint)
        found = script['embed_set'](models, cfg.test_dataloader.novel, 'novel', 1, seed=0)
        assert sorted(found.labels) == list(range(12))
        assert [points.shape for points in found.points.values()] == [(12, 2), (12, 2)]

    def test_script(self, checkpoint, tmp_path):
        options = ['model.backbone.pretrained=random', 'test_dataloader.base.num_workers=0']
        options += ['test_dataloader.novel.num_workers=0']
        tool(
            *('analysis/tsne.py', CONFIG, checkpoint, '--out', tmp_path / 'out', '--videos-per-class', 1),
            *('--seed', 3, '--cfg-options', *options),
        )
        assert_complete(tmp_path / 'out' / 'tsne')

    def test_tuning_that_leaves_the_videos_alone(self, script, cfg):
        frozen = MODELS.build(script['without_prompts'](cfg).model)
        with pytest.raises(ValueError, match='the same before and after'):
            script['embed_set']([frozen, frozen], cfg.test_dataloader.base, 'base', 1, seed=0)

    @pytest.mark.parametrize('content', [None, b'', b'not a checkpoint'], ids=['missing', 'empty', 'text'])
    def test_no_checkpoint(self, content, tmp_path, in_miniature_folder):
        path = tmp_path / 'broken.pth'
        if content is not None:
            path.write_bytes(content)
        assert str(path) in error_of('tsne.py', CONFIG, path)

    def test_bad_arguments(self, tmp_path):
        assert '--videos-per-class 0' in error_of('tsne.py', CONFIG, 'x.pth', '--videos-per-class', 0)
        (tmp_path / 'flat.py').write_text('model = dict(type="CLIPRecognizer")')
        assert 'has no test_dataloader' in error_of('tsne.py', tmp_path / 'flat.py', 'x.pth')
