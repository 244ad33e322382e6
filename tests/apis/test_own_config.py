"""Configs of runs on a user's own videos."""

from pathlib import Path

import pytest

from ga2mm.apis.own_config import PRESETS, OwnRun, choose_clip, methods, own_config
from ga2mm.apis.own_lists import OwnLists, write_own_lists
from ga2mm.apis.run import test_datasets as datasets_of
from ga2mm.checks.config_check import check_config
from ga2mm.checks.config_lists import innermost_datasets
from ga2mm.checks.pipeline_check import check_pipelines
from ga2mm.datasets import read_annotation, read_label_map
from ga2mm.datasets.own_videos import OwnVideo, OwnVideos, read_own_videos
from ga2mm.datasets.video_split import VideoSplit, split_videos
from tests.helpers.own_videos import CLASSES, write_class_folders


@pytest.fixture(scope='module')
def own(tmp_path_factory) -> OwnVideos:
    return read_own_videos(write_class_folders(tmp_path_factory.mktemp('own') / 'my videos'))


def lists_of(own: OwnVideos, folder: Path, novel: tuple[str, ...] = ()) -> OwnLists:
    return write_own_lists(own, split_videos(own.videos, novel, shots=2), folder)


def test_lists_have_the_released_format(own, tmp_path):
    lists = lists_of(own, tmp_path / 'lists', CLASSES[2:])
    assert {name: (len(read_annotation(file)), read_label_map(names), split) for name, (file, names, split) in
            lists.files.items()} == {
        'train': (4, CLASSES[:2], 'base'),
        'base': (4, CLASSES[:2], 'base'),
        'novel': (8, CLASSES[2:], 'novel'),
    }  # fmt: skip
    assert read_annotation(lists.files['novel'][0])[0] == ('tai-chi (slow)/clip 1.mkv', 0)
    with pytest.raises(FileExistsError, match='choose another folder by --out'):
        lists_of(own, tmp_path / 'lists')


def test_no_list_is_written_if_a_name_cannot_be_in_one(tmp_path):
    videos = tuple(OwnVideo(path, 'a', path) for path in ('# a/1.mp4', 'a/2.mp4'))
    own = OwnVideos(tmp_path, ('a',), videos, False)
    with pytest.raises(ValueError, match="'# a/1.mp4' is a comment"):
        write_own_lists(own, VideoSplit(('a',), (), videos[:1], videos[1:]), tmp_path / 'run' / 'lists')
    assert not [*(tmp_path / 'run').iterdir()]


@pytest.mark.parametrize('method', methods())
@pytest.mark.parametrize('preset', ['fast', 'miniature'])
def test_each_method_with_real_and_miniature_clip(own, tmp_path, method, preset):
    cfg = own_config(lists_of(own, tmp_path / 'lists'), OwnRun(preset=preset, method=method), tmp_path)
    check_config(cfg)
    check_pipelines(cfg, ['train_dataloader', 'test_dataloader'])
    clip, frames = PRESETS[preset]
    assert clip.startswith(cfg.model.backbone.arch)
    for dataset in (cfg.train_dataloader.dataset, cfg.test_dataloader['all'].dataset):
        [inner] = innermost_datasets(dataset)
        assert [step['clip_len'] for step in inner['pipeline'] if step['type'] == 'UniformSample'] == [frames]
        assert Path(inner['data_prefix']['video']) == own.folder.resolve()


def test_presets_choose_clip_and_frames():
    assert choose_clip(None, 'b16x32') == (dict(arch='ViT-B-16-quickgelu', weights='openai'), 32)
    assert choose_clip('ViT-L-14-quickgelu:openai', 'b16x8')[0]['arch'] == 'ViT-L-14-quickgelu'
    assert choose_clip('miniature', 'fast') == choose_clip(None, 'miniature')


def test_a_local_file_and_a_larger_image(own, tmp_path):
    weights = tmp_path / 'clip.safetensors'
    weights.touch()
    assert choose_clip(str(weights), 'fast')[0] == dict(arch='ViT-B-32-quickgelu', weights=str(weights))
    run = OwnRun(f'ViT-L-14-336-quickgelu:{weights}')
    cfg = own_config(lists_of(own, tmp_path / 'lists'), run, tmp_path)
    pipeline = innermost_datasets(cfg.test_dataloader['all'].dataset)[0]['pipeline']
    assert [step['scale'] for step in pipeline if step['type'] == 'Resize'] == [(-1, 384)]
    assert [step['crop_size'] for step in pipeline if step['type'] == 'CenterCrop'] == [336]


def test_images_are_clips_of_one_frame(own, tmp_path):
    images = OwnVideos(own.folder, own.classes, own.videos, True)
    cfg = own_config(lists_of(images, tmp_path / 'lists'), OwnRun(), tmp_path)
    pipeline = datasets_of(cfg)['all']['pipeline']
    assert pipeline[0] == dict(type='OpenImage')
    assert pipeline[1]['clip_len'] == 1


def test_training_clips_with_shuffled_patches_calibrate(own, tmp_path):
    lists = lists_of(own, tmp_path / 'lists', CLASSES[2:])
    cfg = own_config(lists, OwnRun(preset='miniature', calibration=0.25), tmp_path)
    check_config(cfg)
    calibration = cfg.model.test_cfg.anchor_calibration
    assert (calibration.strength, calibration.dataset.kind) == (0.25, 'shuffled_patches')
    assert calibration.dataset.dataset.ann_file == str(lists.files['train'][0])
    assert calibration.dataset.dataset.pipeline == cfg.test_dataloader.base.dataset.pipeline
    assert not calibration.dataset.dataset.get('test_mode')
    assert 'test_cfg' not in own_config(lists, OwnRun(preset='miniature'), tmp_path / 'other').model


def test_hard_prompt_and_anchors_join(own, tmp_path):
    hard_prompt = tmp_path / 'hard.safetensors'
    hard_prompt.touch()
    lists = lists_of(own, tmp_path / 'lists', CLASSES[2:])
    cfg = own_config(lists, OwnRun(hard_prompt=hard_prompt, anchors=own.folder), tmp_path)
    check_config(cfg)
    assert cfg.model.cls_head.coupling.hard_prompt == str(hard_prompt)
    assert cfg.model.anchors.strategies[0].type == 'FeatureConsistency'
    assert cfg.train_dataloader.dataset.anchors.folder == str(own.folder)
    with pytest.raises(ValueError, match='--method vpt_deep has none'):
        own_config(lists, OwnRun(method='vpt_deep', hard_prompt=hard_prompt), tmp_path)


@pytest.mark.parametrize(
    ('method', 'rates', 'weight'), [('ivlp', (1e-3, 1e-2), 30.0), ('coop', (1e-2, 1e-2), 3.0)]
)
def test_with_anchors_rate_and_weight_are_those_of_the_plug_in(own, tmp_path, method, rates, weight):
    lists = lists_of(own, tmp_path / 'lists', CLASSES[2:])
    runs = [OwnRun(preset='miniature', method=method, anchors=anchors) for anchors in (None, own.folder)]
    alone, with_anchors = (own_config(lists, run, tmp_path) for run in runs)
    assert (alone.optim_wrapper.optimizer.lr, with_anchors.optim_wrapper.optimizer.lr) == rates
    assert with_anchors.model.anchors.strategies[0].weight == weight
    assert 'coupling' not in with_anchors.model.cls_head
    assert 'anchors' not in alone.model
