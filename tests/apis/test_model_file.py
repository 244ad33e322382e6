"""The file that holds a model for prediction."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open
from safetensors.torch import save_file

from ga2mm.apis import classify, load
from ga2mm.apis.model_file import CONTENT, export_model, load_model_file, read_model_file
from ga2mm.miniature.dataset import write_video
from ga2mm.models import OpenCLIP
from ga2mm.models.clip.loading import MINIATURE
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from ga2mm.structures import get_scores
from ga2mm.tensor_files import read_safetensors, write_safetensors
from tests.helpers import running

NAMES = ['打篮球', 'tai-chi (slow)', 'réd object, blue']


@pytest.fixture(scope='module')
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('videos') / 'noise.mkv'
    write_video(path, np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8))
    return path


def config_of(name: str, method: str | None = None) -> Config:
    return running.read_config(running.ROOT / 'configs' / f'{name}.py', method)


def save_checkpoint(cfg: Config, path: Path) -> Path:
    """Save a model whose parameters are all different from those that a new model starts with."""
    model = MODELS.build(cfg.model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    torch.save({'state_dict': model.state_dict()}, path)
    return path


def with_hard_prompt(cfg: Config, folder: Path) -> Config:
    path = folder / 'hard.safetensors'
    prompt = torch.randn(4, 96, generator=torch.Generator().manual_seed(0))
    write_hard_prompt(path, prompt, OpenCLIP('miniature', 'miniature').identity, 'a run')
    cfg.model.cls_head.coupling.hard_prompt = str(path)
    return cfg


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    cfg = config_of('ga2/miniature_deep_prompts')
    return export_model(cfg, save_checkpoint(cfg, tmp_path / 'tuned.pth'), tmp_path / 'my model.ga2', NAMES)


def rewrite(path: Path, **changes: Any) -> None:
    """Change parts of the description, with a right checksum, as one who means harm would."""
    tensors, metadata = read_safetensors(path, '', '')
    content = json.loads(metadata[CONTENT])
    for key, value in changes.items():
        place = content
        *parents, last = key.split('__')
        for parent in parents:
            place = place[int(parent) if isinstance(place, list) else parent]
        place[last] = value
    write_safetensors(path, tensors, {CONTENT: json.dumps(content)})


@pytest.mark.parametrize(
    ('name', 'method'),
    [
        ('ga2/miniature_ga2', None),
        ('ga2/miniature_deep_prompts', None),
        ('zoo/miniature', 'attriprompt'),
        ('zoo/miniature', 'cocoop'),
        ('zoo/miniature', 'maple'),
        ('zoo/miniature', 'promptsrc'),
        ('zoo/miniature', 'froster'),
    ],
)
def test_model_file_predicts_as_the_checkpoint(
    tmp_path: Path, video: Path, name: str, method: str | None
) -> None:
    cfg = config_of(name, method)
    if method is None and 'coupling' in cfg.model.cls_head:
        with_hard_prompt(cfg, tmp_path)
    checkpoint = save_checkpoint(cfg, tmp_path / 'tuned.pth')
    path = export_model(cfg, checkpoint, tmp_path / 'model.ga2', NAMES)
    (tmp_path / 'hard.safetensors').unlink(missing_ok=True)
    recognizer = load(path)
    assert recognizer.cls_head.class_names == tuple(NAMES)
    assert classify(recognizer, video) == classify(load(cfg, checkpoint), video, NAMES)


def test_temporal_model_and_average_with_frozen_clip_are_kept(tmp_path: Path, video: Path) -> None:
    cfg = config_of('ga2/miniature_deep_prompts')
    cfg.model.temporal = dict(type='TemporalTransformer', layers=1, max_frames=8)
    cfg.model.test_cfg = dict(frozen_share=0.3)
    checkpoint = save_checkpoint(cfg, tmp_path / 'tuned.pth')
    path = export_model(cfg, checkpoint, tmp_path / 'model.ga2', NAMES)
    assert classify(load_model_file(path), video) == classify(load(cfg, checkpoint), video, NAMES)


def test_classes_are_those_of_training(in_miniature_folder: Path, tmp_path: Path) -> None:
    cfg = with_hard_prompt(config_of('ga2/miniature_ga2'), tmp_path)
    names = load_model_file(
        export_model(cfg, save_checkpoint(cfg, tmp_path / 'tuned.pth'), tmp_path / 'model.ga2')
    ).cls_head.class_names
    labels = Path(cfg.train_dataloader.dataset.dataset.label_map).read_text().splitlines()
    assert [line.partition(',')[2] for line in labels[1:]] == list(names)


def test_model_file_says_how_it_was_made(tmp_path: Path) -> None:
    cfg = config_of('ga2/miniature_zero_shot')
    export_model(cfg, None, tmp_path / 'model.ga2', NAMES, none_below=3.5, metrics=dict(top1=0.5))
    found = read_model_file(tmp_path / 'model.ga2')
    assert found.clip['identity'] == OpenCLIP('miniature', 'miniature').identity
    assert found.clip['image_size'] == [32, 32]
    assert found.none_below == 3.5
    assert found.made['metrics'] == dict(top1=0.5)
    assert found.made['config']['train_cfg']['max_epochs'] == 12
    assert found.made['versions']['torch'].split('+')[0] == torch.__version__.split('+')[0]
    assert found.pipeline[1] == dict(type='UniformSample', clip_len=4, test_mode=True)
    assert found.pipeline[3]['scale'] == (32, 32)


def test_file_of_vit_b16_prompts_has_three_megabytes(tmp_path: Path) -> None:
    cfg = config_of('ga2/ucf101_base2novel')
    cfg.model.backbone.pretrained = 'random'
    path = export_model(cfg, save_checkpoint(cfg, tmp_path / 'tuned.pth'), tmp_path / 'model.ga2', NAMES)
    assert path.stat().st_size < 3.2e6


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(model__type='os.system'), 'not a class that a model file may name'),
        (dict(model__backbone__type='torch.hub.load'), 'not a class that a model file may name'),
        (dict(model__type='Recognizer2D'), 'not a class that a model file may name'),
        (dict(model__backbone__arch='hf-hub:any/repo'), 'must not choose'),
        (dict(model__backbone__cache_dir='/'), "the key 'cache_dir'"),
        (dict(model__cls_head__class_names='/etc/passwd'), 'names a file'),
        (dict(model__cls_head__text_prompt__length=10**9), 'out of range'),
        (dict(model__cls_head__text_prompt__length=10**5), 'sizes'),
        (dict(model__cls_head__text_prompt__length='4'), 'text_prompt.length'),
        (dict(model__cls_head__text_prompt__lenght=4), "'lenght'"),
        (dict(pipeline__0__type='RawFrameDecode'), 'not a class that a model file may name'),
        (dict(pipeline__0__io_backend='http'), 'the key'),
        (dict(pipeline=[]), 'not a list of transforms'),
        (dict(classes=[]), 'no classes'),
        (dict(classes=['a', 'A']), 'is already'),
        (dict(classes=['a' * 10**5]), 'characters'),
        (dict(version=2), 'has version 2'),
        (dict(more=1), 'has the parts'),
        (dict(none_below='1'), 'not a number'),
        (dict(none_below=float('nan')), 'the number NaN'),
    ],
)
def test_description_from_elsewhere_is_checked(model_file: Path, changes: dict, said: str) -> None:
    rewrite(model_file, **changes)
    with pytest.raises(ValueError, match=said) as caught:
        load_model_file(model_file)
    assert '\n' not in str(caught.value)


def test_deeply_nested_description_is_an_error(model_file: Path) -> None:
    tensors, _ = read_safetensors(model_file, '', '')
    write_safetensors(model_file, tensors, {CONTENT: '[' * 100_000})
    with pytest.raises(ValueError, match='cannot be loaded'):
        read_model_file(model_file)


def test_damage_is_one_line(model_file: Path) -> None:
    content = bytearray(model_file.read_bytes())
    content[-100] ^= 1
    model_file.write_bytes(content)
    with pytest.raises(ValueError, match='is damaged'):
        load_model_file(model_file)
    model_file.write_bytes(content[:500])
    with pytest.raises(ValueError, match='is not a model file'):
        load_model_file(model_file)


def test_file_without_checksum_or_description_is_no_model_file(model_file: Path, tmp_path: Path) -> None:
    with safe_open(model_file, 'pt') as file:
        text = file.metadata()[CONTENT]
    for metadata in ({CONTENT: text}, {}):
        save_file({'a': torch.zeros(1)}, tmp_path / 'other.ga2', metadata)
        with pytest.raises(ValueError, match='is not a model file'):
            load_model_file(tmp_path / 'other.ga2')


def test_missing_tensor_is_an_error(model_file: Path) -> None:
    tensors, metadata = read_safetensors(model_file, '', '')
    tensors.pop('cls_head.text_prompt.soft_prompt')
    write_safetensors(model_file, tensors, {CONTENT: metadata[CONTENT]})
    with pytest.raises(ValueError, match='soft_prompt is missing'):
        load_model_file(model_file)


def test_weights_of_clip_are_looked_for_beside_the_model_file(tmp_path: Path, video: Path) -> None:
    source = tmp_path / 'elsewhere' / 'clip.safetensors'
    source.parent.mkdir()
    shutil.copy(MINIATURE / 'miniature.safetensors', source)
    cfg = config_of('ga2/miniature_zero_shot')
    cfg.model.backbone.pretrained = str(source)
    path = export_model(cfg, None, tmp_path / 'model.ga2', NAMES)
    expected = classify(load_model_file(path), video)
    moved = source.rename(tmp_path / 'other.safetensors')
    with pytest.raises(FileNotFoundError, match=r'needs the CLIP weights .*clip.safetensors.*--clip FILE'):
        load_model_file(path)
    assert classify(load_model_file(path, clip=str(moved)), video) == expected
    moved.rename(tmp_path / 'clip.safetensors')
    assert classify(load_model_file(path), video) == expected


def test_other_clip_is_an_error(model_file: Path, tmp_path: Path) -> None:
    tensors, metadata = read_safetensors(MINIATURE / 'miniature.safetensors', '', '')
    tensors['text_projection'] = -tensors['text_projection']
    save_file(tensors, tmp_path / 'other.safetensors', metadata | {'ga2mm_sha256': ''})
    write_safetensors(tmp_path / 'other.safetensors', tensors, metadata)
    with pytest.raises(ValueError, match='belongs to CLIP'):
        load_model_file(model_file, clip=str(tmp_path / 'other.safetensors'))


def test_nothing_is_written_if_export_fails(tmp_path: Path) -> None:
    cfg = config_of('ga2/miniature_deep_prompts')
    with pytest.raises(ValueError, match='give a checkpoint'):
        export_model(cfg, None, tmp_path / 'model.ga2', NAMES)
    checkpoint = save_checkpoint(cfg, tmp_path / 'tuned.pth')
    with pytest.raises(ValueError, match='ends in .ga2'):
        export_model(cfg, checkpoint, tmp_path / 'model.pth', NAMES)
    cfg.test_dataloader.base.dataset.pipeline[1].clip_len = np.int64(4)
    with pytest.raises(ValueError, match=r'pipeline\[1\].clip_len=.* cannot be in a model file'):
        export_model(cfg, checkpoint, tmp_path / 'model.ga2', NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ['tuned.pth']


def test_mmaction2_predicts_with_the_recognizer(model_file: Path, video: Path) -> None:
    from mmaction.apis import inference_recognizer

    recognizer = load(model_file)
    found = inference_recognizer(recognizer, str(video))
    assert get_scores(found).tolist() == pytest.approx(
        [classify(recognizer, video)[name] for name in NAMES], abs=1e-6
    )


def test_any_changed_byte_is_found(model_file: Path) -> None:
    content = model_file.read_bytes()
    generator = np.random.default_rng(0)
    places = {*range(0, 200), *generator.integers(0, len(content), 150).tolist()}
    for place in sorted(places):
        changed = bytearray(content)
        changed[place] ^= 1 << int(generator.integers(8))
        model_file.write_bytes(changed)
        with pytest.raises(ValueError) as caught:
            read_model_file(model_file)
        assert '\n' not in str(caught.value)
