"""Training on frame features equals training on frames."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ga2mm.apis import own_config as own_configs
from ga2mm.apis import train
from ga2mm.apis.frame_features import with_frame_features
from ga2mm.apis.own_config import OwnRun, leaves_vision_alone, methods, own_config
from ga2mm.apis.own_lists import OwnLists, write_own_lists
from ga2mm.datasets import LoadFrameFeatures, UnreadableVideoError
from ga2mm.datasets.own_videos import read_own_videos
from ga2mm.datasets.video_split import split_videos
from ga2mm.tensor_files import read_safetensors
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
    (tmp_path / 'features').mkdir()
    features = with_frame_features(features, tmp_path / 'features' / 'features.safetensors')

    expected, learnt = train_and_give(frames)
    # Training on features reads no video.
    for video in [*anchors.rglob('*.mkv')]:
        video.write_text('no video')
    losses, prompts = train_and_give(features)
    assert len(losses) == 4 and losses[0] != losses[-1]
    assert losses == pytest.approx(expected, abs=1e-5)
    assert prompts.keys() == learnt.keys() and learnt
    for name, value in learnt.items():
        torch.testing.assert_close(prompts[name], value, rtol=0, atol=1e-5)


def test_file_has_the_features_of_each_readable_video(lists, anchors, tmp_path):
    run = OwnRun(preset='miniature', method='coop', anchors=anchors)
    file = tmp_path / 'features.safetensors'
    cfg = with_frame_features(own_config(lists, run, tmp_path / 'run'), file)
    tensors, _ = read_safetensors(file, 'file of features', '')
    videos = {str(path) for path in anchors.rglob('clip [12].mkv')}
    listed = lists.files['train'][0].read_text().splitlines()
    assert len(videos) == 4 and videos < tensors.keys() and len(tensors) == 4 + len(listed)
    assert {len(features) for features in tensors.values()} == {4}  # frames
    broken = str(anchors / 'x' / 'clip 0.mkv')
    with pytest.raises(UnreadableVideoError, match='clip 0.mkv: .* has no features of it'):
        LoadFrameFeatures(str(file))(dict(filename=broken))
    assert cfg.train_dataloader.dataset.anchors.pipeline[0] == dict(type='LoadFrameFeatures', file=str(file))


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
