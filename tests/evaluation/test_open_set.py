"""Detection of irrelevant videos: scores, the test loop and the prediction API."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config

from ga2mm.apis import NONE_OF_THESE, calibrate_threshold, check_train_config, classify, load
from ga2mm.evaluation import auroc, fpr_at_tpr
from tests.helpers import running
from tests.helpers.running import finish, miniature, start, tool

ROOT = running.ROOT
TEST_SETS = ROOT / 'configs' / '_base_' / 'test_sets' / 'miniature_irrelevant.py'
ZERO_SHOT = running.CONFIGS / 'miniature_zero_shot.py'
UNTRAINED = 'model.backbone.pretrained=random'


# -------------------------------------------------------------------------------------------- scores


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    known, irrelevant = [3.0, 1.0, 2.0, 2.0], [0.0, 2.0, 2.5]
    pairs = [(k > i) + (k == i) / 2 for k in known for i in irrelevant]
    assert auroc(known, irrelevant) == pytest.approx(np.mean(pairs))
    assert (auroc([2, 3], [0, 1]), auroc([0, 1], [2, 3])) == (1, 0)


def test_fpr_at_tpr_by_counting():
    rng = np.random.default_rng(0)
    known, irrelevant = rng.normal(1, 1, 40), rng.normal(0, 1, 300)
    for tpr in (0.5, 0.95, 0.96, 1.0):
        thresholds = [t for t in known if np.mean(known >= t) >= tpr]
        assert fpr_at_tpr(known, irrelevant, tpr) == pytest.approx(np.mean(irrelevant >= max(thresholds)))
    assert fpr_at_tpr([2, 3], [0, 1]) == 0
    assert fpr_at_tpr([1, 1], [1]) == 1


@pytest.mark.parametrize(
    ('known', 'irrelevant', 'line'),
    [
        ([], [1.0], 'there are no scores of known videos'),
        ([1.0], [], 'there are no scores of irrelevant videos'),
        ([1.0], [0.0, float('nan'), float('inf')], r'score 1 of the irrelevant videos is nan \(2 of 3'),
    ],
)
@pytest.mark.parametrize('function', [auroc, fpr_at_tpr])
def test_bad_scores_are_one_clear_line(function, known, irrelevant, line):
    with pytest.raises(ValueError, match=line):
        function(known, irrelevant)


def test_tpr_is_a_share():
    with pytest.raises(ValueError, match='tpr=95; give a share'):
        fpr_at_tpr([1.0], [0.0], tpr=95)


def test_max_logit_is_of_the_mean_over_clips(make_recognizer):
    head = make_recognizer().cls_head
    logits = torch.tensor([[1.0, 0.0, 5.0], [3.0, 0.0, -5.0], [0.0, 7.0, 0.0], [0.0, 7.0, 0.0]])
    one, two = head.predict_by_feat(logits, [ActionDataSample() for _ in range(2)])
    assert (float(one.max_logit), float(two.max_logit)) == (2, 7)


# ----------------------------------------------------------------------------------------- test loop


def with_irrelevant(work_dir: Path, **options) -> Config:
    """The unchanged tiny CLIP, tested on irrelevant videos too."""
    cfg = miniature('zero_shot', work_dir, model__backbone__pretrained='miniature', **options)
    cfg.test_dataloader = Config.fromfile(TEST_SETS).test_dataloader
    return cfg


@pytest.fixture(scope='module')
def tested(miniature_folder) -> tuple[dict[str, float], dict]:
    """The metrics of a test on irrelevant videos too, and its report."""
    work_dir = miniature_folder / 'work_dirs' / 'open_set'
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(miniature_folder)
        metrics = running.test(with_irrelevant(work_dir))
    return metrics, json.loads((work_dir / 'test_metrics.json').read_text())


def test_irrelevant_videos_are_scored_with_the_classes_of_each_set(tested, tmp_path, in_miniature_folder):
    metrics, report = tested
    plain = running.test(miniature('zero_shot', tmp_path / 'plain', model__backbone__pretrained='miniature'))
    assert {key: value for key, value in metrics.items() if not key.startswith('irrelevant/')} == plain

    model = load(ZERO_SHOT)
    for name in ('base', 'novel'):
        classes = (in_miniature_folder / f'data/miniature/mild/draw0/{name}_labels.csv').read_text()
        names = [line.split(',')[1] for line in classes.splitlines()[1:]]
        scores = [  # with one anchor its own score is the threshold
            [calibrate_threshold(model, [video], names) for video in videos(in_miniature_folder, where)]
            for where in (f'draw0/{name}_test.txt', 'irrelevant_test/videos.txt')
        ]
        assert metrics[f'irrelevant/{name}/auroc'] == pytest.approx(auroc(*scores), abs=0.01)
        assert metrics[f'irrelevant/{name}/fpr95'] == pytest.approx(fpr_at_tpr(*scores), abs=1e-6)
        assert metrics[f'irrelevant/{name}/auroc'] > 0.6

    assert set(report['sets']) == {'base', 'generalized/base', 'novel', 'generalized/novel'}
    assert report['irrelevant']['novel'] == {
        'auroc': metrics['irrelevant/novel/auroc'],
        'fpr95': metrics['irrelevant/novel/fpr95'],
        'known_videos': 24,
        'irrelevant_videos': 10,
    }


def videos(folder: Path, ann_file: str) -> list[Path]:
    """The videos of a list of the miniature world."""
    ann_file = folder / 'data/miniature/mild' / ann_file
    return [ann_file.parent / 'videos' / line.split()[0] for line in ann_file.read_text().splitlines()]


def test_few_shot_protocol(tmp_path, in_miniature_folder, monkeypatch, capsys):
    monkeypatch.setenv('GA2MM_PROTOCOL', 'fewshot')
    (tmp_path / 'test_metrics.json').write_text("of the config's own sets")
    tool('test.py', ZERO_SHOT, '--test-sets', TEST_SETS, '--work-dir', tmp_path)
    assert (tmp_path / 'test_metrics.json').read_text() == "of the config's own sets"
    report = json.loads((tmp_path / 'test_metrics_miniature_irrelevant.json').read_text())
    assert set(report['irrelevant']) == set(report['sets']) == {'all'}
    found = report['irrelevant']['all']
    row = f'| all | 48 | 10 | {100 * found["auroc"]:.2f} | {100 * found["fpr95"]:.2f} |'
    assert row in capsys.readouterr().out


def test_unreadable_videos_have_no_score(tested, tmp_path, in_miniature_folder):
    lists = tmp_path / 'videos.txt'
    whole = videos(in_miniature_folder, 'irrelevant_test/videos.txt')
    lists.write_text(''.join(f'{video}\n' for video in [*whole, tmp_path / 'nowhere.mkv']))

    def metrics_of_list() -> dict[str, float]:
        cfg = with_irrelevant(tmp_path)
        cfg.test_dataloader.irrelevant.dataset.update(ann_file=str(lists), data_prefix=dict(video=''))
        return running.test(cfg)

    metrics = metrics_of_list()
    log = '\n'.join(path.read_text() for path in tmp_path.glob('*/*.log'))
    assert f'{tmp_path / "nowhere.mkv"}: no such file' in log
    assert metrics == pytest.approx(tested[0], abs=0.02)  # rounding may swap two videos
    report = json.loads((tmp_path / 'test_metrics.json').read_text())
    assert report['irrelevant']['base']['irrelevant_videos'] == 10

    lists.write_text('nowhere.mkv\n')
    with pytest.raises(ValueError, match='irrelevant: 1 or more of 1 videos cannot be read, more than half'):
        metrics_of_list()


def test_irrelevant_videos_alone_are_refused(tmp_path, in_miniature_folder):
    cfg = with_irrelevant(tmp_path)
    del cfg.test_dataloader['base'], cfg.test_dataloader['novel']
    with pytest.raises(
        ValueError, match='irrelevant needs another test set with classes.*there are 0 other sets'
    ):
        running.test(cfg)


def test_anchors_of_the_training_are_no_test_set(in_miniature_folder):
    cfg = Config.fromfile(running.CONFIGS / 'miniature_ga2.py')
    cfg.test_dataloader = Config.fromfile(TEST_SETS).test_dataloader
    assert not [finding for finding in check_train_config(cfg) if finding.level == 'error']
    cfg.test_dataloader.irrelevant.dataset = dict(cfg.train_dataloader.dataset.anchors, test_mode=True)
    (error,) = [finding.message for finding in check_train_config(cfg) if finding.level == 'error']
    assert error.startswith('10 videos are in both the anchor list')


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path, in_miniature_folder):
    # 5 irrelevant and 7 novel videos: neither is a multiple of 2 processes times 3 videos.
    uneven = {
        f'test_dataloader.{name}.{key}': value
        for name, videos in dict(base=13, novel=7, irrelevant=5).items()
        for key, value in {'batch_size': 3, 'dataset.indices': videos, 'num_workers': 0}.items()
    }
    # The option replaces the test sets after --cfg-options, so they are in a file.
    sets = Config.fromfile(TEST_SETS)
    sets.merge_from_dict(uneven)
    sets = Config(dict(test_dataloader=sets.test_dataloader.to_dict()), format_python_code=False)
    sets.dump(tmp_path / 'sets.py')
    options = ['--test-sets', tmp_path / 'sets.py']
    tool('test.py', ZERO_SHOT, '--work-dir', tmp_path / 'one', *options)
    script = ROOT / 'tools' / 'dist_test.sh'
    finish(start(script, ZERO_SHOT, '', 2, '--work-dir', tmp_path / 'two', *options, cwd=in_miniature_folder))
    one, two = (
        json.loads((tmp_path / name / 'test_metrics_sets.json').read_text())['irrelevant']
        for name in ('one', 'two')
    )
    for name in ('base', 'novel'):  # rounding may swap two videos
        assert two[name]['auroc'] == pytest.approx(one[name]['auroc'], abs=0.05)
        assert two[name]['fpr95'] == pytest.approx(one[name]['fpr95'], abs=0.21)
        for count in ('known_videos', 'irrelevant_videos'):
            assert two[name][count] == one[name][count]
    assert (one['base']['known_videos'], one['base']['irrelevant_videos']) == (13, 5)


# --------------------------------------------------------------------------------------- prediction


def test_videos_of_the_classes_are_accepted_more_often_than_irrelevant_ones(in_miniature_folder):
    model = load(ZERO_SHOT)
    table = (in_miniature_folder / 'data/miniature/mild/draw0/novel_labels.csv').read_text().splitlines()[1:]
    names = [line.split(',')[1] for line in table]
    anchors = videos(in_miniature_folder, 'irrelevant/videos.txt')
    threshold = calibrate_threshold(model, anchors, names, false_accept_rate=0.2)

    def accepted(files: list[Path]) -> float:
        found = [classify(model, file, none_below=threshold) for file in files]
        assert all(set(each) in ({NONE_OF_THESE}, set(names)) for each in found)
        return np.mean([NONE_OF_THESE not in each for each in found])

    assert accepted(anchors) == 0.2
    known = accepted(videos(in_miniature_folder, 'draw0/novel_test.txt'))
    assert known > 0.4
    assert known > accepted(videos(in_miniature_folder, 'irrelevant_test/videos.txt'))


@pytest.mark.parametrize(('rate', 'accepted'), [(0.0, 0), (0.05, 0), (0.1, 1), (0.39, 3), (1.0, 9)])
def test_at_most_the_share_of_anchors_exceeds_the_threshold(in_miniature_folder, rate, accepted):
    model = load(ZERO_SHOT)
    anchors = videos(in_miniature_folder, 'irrelevant/videos.txt')
    threshold = calibrate_threshold(model, anchors, ['star spinning', 'ring moving up'], rate)
    found = [NONE_OF_THESE not in classify(model, video, none_below=threshold) for video in anchors]
    assert sum(found) == accepted


def test_bad_calibration_is_one_clear_line():
    model = load(ZERO_SHOT)
    with pytest.raises(ValueError, match=r'anchor_videos=\[\]; give a list'):
        calibrate_threshold(model, [], ['star spinning'])
    with pytest.raises(ValueError, match="anchor_videos='one.mkv'; give a list"):
        calibrate_threshold(model, 'one.mkv', ['star spinning'])
    with pytest.raises(ValueError, match='false_accept_rate=5; give a share'):
        calibrate_threshold(model, ['one.mkv'], ['star spinning'], false_accept_rate=5)
