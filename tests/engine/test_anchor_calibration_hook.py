"""Anchors that a run or a loaded model shows to the calibration."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ga2mm.anchors import WeightedAnchors
from ga2mm.apis import check_test_config, classify, export_model, load
from ga2mm.apis import test as run_test
from ga2mm.engine import show_anchors
from ga2mm.engine.anchor_calibration_hook import spread_evenly
from ga2mm.registry import DATASETS, MODELS
from tests.helpers import running
from tests.helpers.lists import write_lines
from tests.helpers.running import finish, miniature, start, tool

STRENGTH = 0.5


def calibrated(cfg: Config, dataset: dict | None = None, **arguments) -> Config:
    """Give a config whose calibration has the irrelevant videos of the miniature world as anchors."""
    anchors = cfg.anchor_dataset.to_dict() if dataset is None else dataset
    cfg.model.test_cfg = dict(anchor_calibration=dict(strength=STRENGTH, dataset=anchors, **arguments))
    return cfg


def generated(cfg: Config) -> dict:
    return dict(type='GeneratedAnchors', kind='shuffled_patches', dataset=cfg.train_dataset.to_dict())


def metrics(work_dir: Path) -> dict:
    return json.loads((work_dir / 'test_metrics.json').read_text())['top1_percent']


# Which anchors


class Sized(list):
    """A data set of this many videos."""


@pytest.mark.parametrize(
    ('videos', 'most', 'indices'), [(3, 8, [0, 1, 2]), (10, 4, [0, 2, 5, 7]), (4, 1, [0])]
)
def test_anchors_are_spread_evenly(videos, most, indices):
    assert spread_evenly(Sized(range(videos)), most) == [(index, 1 / len(indices)) for index in indices]


def test_weighted_sources_give_their_shares(in_miniature_folder):
    cfg = miniature('zero_shot', Path('unused'))
    few, many = cfg.anchor_dataset.to_dict(), generated(cfg)
    both = WeightedAnchors([few, many], [3, 1])
    assert (len(few := both.datasets[0]), len(both.datasets[1])) == (10, 24)
    chosen = spread_evenly(both, 8)
    assert [index for index, _ in chosen] == [0, 1, 3, 5, 6, 8, 10, 22]
    assert [round(weight, 6) for _, weight in chosen] == [0.125] * 8
    assert sum(weight for _, weight in spread_evenly(both, 100)) == pytest.approx(1)
    assert len(spread_evenly(both, 100)) == len(few) + 24


# A whole run


@pytest.mark.parametrize('source', ['irrelevant', 'generated'])
def test_the_test_is_calibrated_for_each_list_of_classes(source, in_miniature_folder, tmp_path):
    """Compared with logits that are corrected by hand."""
    cfg = miniature('zero_shot', tmp_path, model__backbone__pretrained='miniature')
    cfg = calibrated(cfg, None if source == 'irrelevant' else generated(cfg), videos=7, batch_size=3)
    found = running.test(cfg)
    plain = MODELS.build(dict(cfg.model, test_cfg=None)).eval()

    @torch.no_grad()
    def logits(dataset: dict, places: list[int] | None = None) -> torch.Tensor:
        data = DATASETS.build(dataset)
        data.full_init()
        inputs = [data[place]['inputs'] for place in (places or range(len(data)))]
        return plain(plain.data_preprocessor(dict(inputs=inputs, data_samples=[]))['inputs'], stage='head')

    anchors = cfg.model.test_cfg.anchor_calibration.dataset
    count = len(DATASETS.build(anchors))
    places = [i * count // 7 for i in range(7)]
    for name in ('base', 'novel'):
        dataset = cfg.test_dataloader[name].dataset
        plain.set_classes(DATASETS.build(dataset).metainfo['classes'])
        corrected = logits(dataset) - STRENGTH * logits(anchors, places).mean(dim=0)
        tested = DATASETS.build(dataset)
        labels = torch.tensor([tested.get_data_info(place)['label'] for place in range(len(tested))])
        accuracy = float((corrected.argmax(dim=-1) == labels).float().mean())
        assert found[f'{name}/acc/top1'] == pytest.approx(accuracy)


def test_strength_0_and_none_give_the_numbers_without_calibration(in_miniature_folder, tmp_path):
    found = []
    for number, strength in enumerate([None, 0.0, STRENGTH]):
        cfg = miniature('zero_shot', tmp_path / str(number), model__backbone__pretrained='miniature')
        if strength is not None:
            nowhere = dict(type='AnchorVideoFolder', folder='none', pipeline=[])
            cfg.model.test_cfg = dict(anchor_calibration=dict(strength=strength, dataset=nowhere))
        if strength:
            calibrated(cfg)
        found.append(running.test(cfg))
    assert found[0] == found[1] != found[2]


def test_training_is_the_same_and_validation_is_calibrated(in_miniature_folder, tmp_path):
    """Validation with other biases must not change the random numbers or the weights of the next epochs."""
    runs = []
    for name in ('plain', 'calibrated'):
        cfg = miniature('deep_prompts', tmp_path / name, 2, train_cfg__val_interval=1)
        runs.append(running.train(calibrated(cfg) if name == 'calibrated' else cfg))
    plain, found = runs
    assert running.losses(plain) == running.losses(found)
    assert all(
        torch.equal(one, other)
        for one, other in zip(
            plain.model.state_dict().values(), found.model.state_dict().values(), strict=True
        )
        if isinstance(one, torch.Tensor)
    )
    dataset = found.val_dataloader.dataset
    model = found.model.eval()
    show_anchors(model)
    items = [dataset[place] for place in range(len(dataset))]
    batch = model.data_preprocessor(
        dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
    )
    with torch.no_grad():
        scores = model(batch['inputs'], stage='head')
    labels = torch.tensor([dataset.get_data_info(place)['label'] for place in range(len(dataset))])
    accuracy = float((scores.argmax(dim=-1) == labels).float().mean())
    assert found.message_hub.get_scalar('val/acc/top1').data[0][-1] == pytest.approx(accuracy)


@pytest.mark.slow
def test_two_processes_test_what_one_tests(in_miniature_folder, tmp_path):
    options = [
        'model.test_cfg.anchor_calibration.strength=0.5',
        'model.test_cfg.anchor_calibration.batch_size=3',
        'model.test_cfg.anchor_calibration.dataset.type=AnchorVideoFolder',
        'model.test_cfg.anchor_calibration.dataset.folder=data/miniature/mild/irrelevant/videos',
    ]
    pipeline = list(miniature('zero_shot', tmp_path).anchor_dataset.pipeline)
    config = tmp_path / 'calibrated.py'
    base = running.CONFIGS / 'miniature_zero_shot.py'
    write_lines(
        config,
        [
            f'_base_ = {str(base)!r}',
            f'model = dict(test_cfg=dict(anchor_calibration=dict(dataset=dict(pipeline={pipeline!r}))))',
        ],
    )
    options = ['--cfg-options', *options]
    tool('test.py', config, '--work-dir', tmp_path / 'one', *options)
    script = running.ROOT / 'tools' / 'dist_test.sh'
    finish(start(script, config, '', 2, '--work-dir', tmp_path / 'two', *options, cwd=in_miniature_folder))
    one, two = (json.loads((tmp_path / name / 'test_metrics.json').read_text()) for name in ('one', 'two'))
    assert one['top1_percent'] == two['top1_percent']
    assert one['sets'] == two['sets']


# Loaded models


def test_a_loaded_model_and_its_file_are_calibrated(in_miniature_folder, tmp_path):
    cfg = calibrated(miniature('zero_shot', tmp_path, model__backbone__pretrained='miniature'))
    video = next(Path('data/miniature/mild/draw0/videos').glob('base_test*'))
    names = ['ring spinning', 'star falling', 'a thing']
    plain = miniature('zero_shot', tmp_path, model__backbone__pretrained='miniature')
    expected = classify(load(cfg), video, names)
    assert expected != classify(load(plain), video, names)
    path = export_model(cfg, None, tmp_path / 'model.ga2', names)
    assert classify(load(path), video) == pytest.approx(expected, rel=1e-4)
    # The file has no path of an anchor, and new names are calibrated too.
    assert 'irrelevant' not in json.dumps(load(path).cfg.model.to_dict())
    other = ['ring growing', 'ring spinning']
    assert classify(load(path), video, other) == pytest.approx(classify(load(cfg), video, other), rel=1e-4)


def test_a_model_without_its_hook_is_an_error(in_miniature_folder, tmp_path):
    cfg = calibrated(miniature('zero_shot', tmp_path))
    cfg.default_hooks.pop('anchor_calibration')
    with pytest.raises(ValueError, match='has not seen the anchors: .*add AnchorCalibrationHook'):
        running.test(cfg)


# Wrong anchors


def test_anchors_that_are_test_videos_are_an_error(in_miniature_folder, tmp_path):
    cfg = miniature('zero_shot', tmp_path)
    leak = dict(
        cfg.anchor_dataset,
        **{key: cfg.test_dataloader.novel.dataset[key] for key in ('ann_file', 'data_prefix')},
    )
    with pytest.raises(ValueError, match=r'24 videos are in both the test list .* the calibration anchor'):
        run_test(calibrated(cfg, leak))


def test_anchors_that_are_training_videos_are_an_error_for_a_trained_model(in_miniature_folder, tmp_path):
    cfg = miniature('deep_prompts', tmp_path)
    leak = dict(cfg.anchor_dataset, **{key: cfg.train_dataset[key] for key in ('ann_file', 'data_prefix')})
    found = check_test_config(calibrated(cfg, leak), learnt=True)
    assert [one.level for one in found] == ['error']
    assert '24 videos are in both the calibration anchor list' in found[0].message
    assert [one.level for one in check_test_config(cfg, learnt=False)] == ['warning']
    # Anchors that are generated from training videos are not a leak.
    assert check_test_config(calibrated(cfg, generated(cfg)), learnt=True) == []


@pytest.mark.parametrize(
    ('change', 'line'),
    [
        (dict(dataset=None), "anchor_calibration.dataset is missing: give dict\\(type='AnchorVideoDataset'"),
        (dict(dataset__ann_file='none.txt'), 'none.txt'),
        (dict(dataset__test_mode=True), 'cannot be read: leave test_mode out, so that another video'),
    ],
    ids=['no data set', 'no list', 'unreadable'],
)
def test_wrong_anchors_are_an_error(change, line, in_miniature_folder, tmp_path):
    cfg = calibrated(miniature('zero_shot', tmp_path))
    write_lines(tmp_path / 'list.txt', ['missing.mkv', 'videos_0000.mkv'])
    calibration = cfg.model.test_cfg.anchor_calibration
    calibration.dataset.ann_file = str(tmp_path / 'list.txt')
    cfg.merge_from_dict(
        {f'model.test_cfg.anchor_calibration.{key.replace("__", ".")}': one for key, one in change.items()}
    )
    with pytest.raises((ValueError, OSError), match=line):
        load(cfg)


def test_another_video_replaces_an_unreadable_anchor(in_miniature_folder, tmp_path):
    cfg = calibrated(miniature('zero_shot', tmp_path))
    write_lines(tmp_path / 'list.txt', ['missing.mkv', 'videos_0000.mkv'])
    cfg.model.test_cfg.anchor_calibration.dataset.ann_file = str(tmp_path / 'list.txt')
    running.test(cfg)
    assert (
        '1 anchors of the calibration cannot be read, others replaced them among the 2: '
        in running.log_in(tmp_path)
    )


@pytest.mark.parametrize(
    ('key', 'value', 'line'),
    [
        ('strenght', 0.5, "AnchorCalibration does not take 'strenght'; did you mean 'strength'"),
        ('strength', 'half', "model.test_cfg.anchor_calibration.strength='half': give a number"),
        ('dataset', dict(type='AnchorVideos'), "did you mean 'AnchorVideo"),
    ],
)
def test_the_check_of_configs_knows_the_keys(key, value, line, in_miniature_folder, tmp_path):
    cfg = miniature('zero_shot', tmp_path)
    cfg.model.test_cfg = dict(anchor_calibration={'strength': STRENGTH, key: value})
    with pytest.raises(ValueError, match=line):
        load(cfg)
