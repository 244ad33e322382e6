"""Training on frame features equals training on frames."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from ga2mm.apis import own_config as own_configs
from ga2mm.apis import train
from ga2mm.apis.frame_features import with_frame_features
from ga2mm.apis.own_config import OwnRun, leaves_vision_alone, methods, own_config
from ga2mm.apis.own_lists import OwnLists, write_own_lists
from ga2mm.datasets import LoadFrameFeatures, UnreadableVideoError
from ga2mm.datasets.frame_features import features_file
from ga2mm.datasets.own_videos import read_own_videos
from ga2mm.datasets.video_split import split_videos
from tests.helpers.own_videos import write_class_folders


@pytest.fixture(scope='module')
def lists(tmp_path_factory) -> OwnLists:
    folder = tmp_path_factory.mktemp('own')
    own = read_own_videos(write_class_folders(folder / 'videos'))
    return write_own_lists(own, split_videos(own.videos, (), shots=2), folder / 'lists')


@pytest.fixture
def anchors(tmp_path) -> Path:
    """A folder of anchor videos; one of them cannot be read."""
    folder = write_class_folders(tmp_path / 'anchors', clips=2, classes=('x', 'y'))
    (folder / 'x' / 'clip 0.mkv').write_text('no video')
    return folder


def spoil(video: Path) -> None:
    """Overwrite a video without a change of size and time."""
    state = video.stat()
    video.write_bytes(bytes(state.st_size))
    os.utime(video, ns=(state.st_atime_ns, state.st_mtime_ns))


def train_and_give(cfg: Config) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Train for two epochs; give the losses of the steps and what was learnt."""
    cfg.train_cfg.max_epochs = 2
    cfg.default_hooks.logger = dict(type='LoggerHook', interval=1)
    runner = train(cfg)
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    return losses.tolist(), {name: value.detach() for name, value in runner.model.named_parameters()}


@pytest.mark.parametrize(('method', 'with_anchors'), [('coop', False), ('cocoop', True)])
def test_losses_and_prompts_equal_those_of_training_on_frames(
    lists, anchors, tmp_path, monkeypatch, method, with_anchors
):
    monkeypatch.setattr(own_configs, 'STEPS', 2)
    run = OwnRun(preset='miniature', method=method, anchors=anchors if with_anchors else None)
    frames = own_config(lists, run, tmp_path / 'frames')
    features = own_config(lists, run, tmp_path / 'features')
    features = with_frame_features(features, tmp_path / 'shared')

    expected, learnt = train_and_give(frames)
    # Training on features reads no video.
    for video in [*anchors.rglob('*.mkv')]:
        spoil(video)
    losses, prompts = train_and_give(features)
    assert len(losses) == 4 and losses[0] != losses[-1]
    assert losses == pytest.approx(expected, abs=1e-5)
    assert prompts.keys() == learnt.keys() and learnt
    for name, value in learnt.items():
        torch.testing.assert_close(prompts[name], value, rtol=0, atol=1e-5)


def test_each_readable_video_has_a_file_of_features(lists, anchors, tmp_path):
    run = OwnRun(preset='miniature', method='coop', anchors=anchors)
    cfg = with_frame_features(own_config(lists, run, tmp_path / 'run'), tmp_path / 'shared')
    load, _ = cfg.train_dataloader.dataset.anchors.pipeline
    assert load.type == 'LoadFrameFeatures'
    videos = [str(path) for path in anchors.rglob('clip [12].mkv')]
    listed = lists.files['train'][0].read_text().splitlines()
    assert len([*Path(load.folder).iterdir()]) == 4 + len(listed)
    given = LoadFrameFeatures(load.folder)
    assert {len(given(dict(filename=video))['imgs']) for video in videos} == {4}  # frames
    broken = str(anchors / 'x' / 'clip 0.mkv')
    with pytest.raises(UnreadableVideoError, match='clip 0.mkv: .* has no features of it'):
        given(dict(filename=broken))


def test_runs_share_features_and_encode_only_new_and_changed_videos(lists, tmp_path):
    folder = write_class_folders(tmp_path / 'anchors', clips=2, classes=('x', 'y'))
    run = OwnRun(preset='miniature', method='coop', anchors=folder)

    def files(method: str) -> dict[Path, int]:
        chosen = replace(run, method=method)
        with_frame_features(own_config(lists, chosen, tmp_path / method), tmp_path / 'shared')
        return {path: path.stat().st_mtime_ns for path in (tmp_path / 'shared').rglob('*.safetensors')}

    first = files('coop')
    assert files('cocoop') == first  # nothing is encoded again
    changed = folder / 'x' / 'clip 1.mkv'
    os.utime(changed, (0, 0))
    second = files('coop')
    assert first.items() < second.items() and len(second) == len(first) + 1


def test_no_dataset_is_copied(lists, tmp_path):
    """MMEngine's copies share one memory of ids, which mixes up objects after some are freed."""
    [memory] = BaseDataset._copy_without_annotation.__defaults__
    before = len(memory)
    with_frame_features(
        own_config(lists, OwnRun(preset='miniature', method='coop'), tmp_path / 'run'), tmp_path / 'shared'
    )
    assert any((tmp_path / 'shared').rglob('*.safetensors')) and len(memory) == before


def test_another_pipeline_or_clip_has_other_features(lists, tmp_path):
    cfg = own_config(lists, OwnRun(preset='miniature', method='coop'), tmp_path / 'run')
    longer = own_config(lists, OwnRun(preset='miniature', method='coop'), tmp_path / 'run')
    longer.train_dataloader.dataset.dataset.dataset.pipeline[1].clip_len = 8
    other = own_config(lists, OwnRun(preset='miniature', method='coop'), tmp_path / 'run')
    other.model.backbone.weights = 'random'
    for one in (cfg, longer, other):
        with_frame_features(one, tmp_path / 'shared')
    assert len([*(tmp_path / 'shared').iterdir()]) == 3


def test_a_damaged_file_of_features_is_named(lists, tmp_path):
    cfg = with_frame_features(
        own_config(lists, OwnRun(preset='miniature', method='coop'), tmp_path / 'run'), tmp_path / 'shared'
    )
    inner = cfg.train_dataloader.dataset.dataset.dataset
    name = lists.files['train'][0].read_text().splitlines()[0].rpartition(' ')[0]
    video = str(lists.videos / name)
    file = features_file(inner.pipeline[0].folder, video)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r'is not a file of frame features .*remove it and train again'):
        LoadFrameFeatures(inner.pipeline[0].folder)(dict(filename=video))


def test_methods_that_leave_the_vision_tower_alone(lists, tmp_path):
    alone = set()
    for method in methods():
        cfg = own_config(lists, OwnRun(preset='miniature', method=method), tmp_path)
        if leaves_vision_alone(cfg.model):
            alone.add(method)
    assert alone == {'coop', 'cocoop'}


def test_they_train_without_augmentation(lists, tmp_path):
    def pipelines(method: str) -> list[list[dict]]:
        cfg = own_config(lists, OwnRun(method=method), tmp_path)
        train_set, test_set = cfg.train_dataloader.dataset.dataset, cfg.test_dataloader['all'].dataset
        return [train_set.get('dataset', train_set).pipeline, test_set.pipeline]

    same, as_test = pipelines('coop')
    assert same == as_test
    augmented, as_test = pipelines('vpt_deep')
    assert augmented != as_test
