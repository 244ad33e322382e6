"""Programs that predict without ga2mm."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from typer.testing import CliRunner

from ga2mm.apis import VideoClassifier, export_model
from ga2mm.apis.export_program import METADATA, ONNX_PACKAGES, check_onnx_packages, export_program, open_onnx
from ga2mm.apis.recognizer import build_recognizer
from ga2mm.cli import make_app
from ga2mm.models import CLIPRecognizer
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from tests.helpers import running

NAMES = ['red circle grows', 'blue star, (slow)', '打篮球']
Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
needs_onnx = pytest.mark.skipif(
    bool(missing), reason=f"{', '.join(missing)} not installed (pip install 'ga2mm[onnx]')"
)
SUFFIXES = ('.pt2', pytest.param('.onnx', marks=needs_onnx))


def config_of(name: str = 'ga2/miniature_deep_prompts', method: str | None = None) -> Config:
    cfg = running.read_config(running.ROOT / 'configs' / f'{name}.py', method)
    cfg.model.cls_head.class_names = NAMES
    return cfg


def tuned_state(cfg: Config) -> dict[str, Any]:
    """Give the state of a model whose parameters are all different from those that a new one starts with."""
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))
    return model.state_dict()


def with_hard_prompt(cfg: Config, folder: Path) -> Config:
    path = folder / 'hard.safetensors'
    identity = MODELS.build(cfg.model.backbone).identity
    write_hard_prompt(path, torch.randn(4, 96), identity, 'a run')
    cfg.model.cls_head.coupling.hard_prompt = str(path)
    return cfg


def tuned(cfg: Config) -> CLIPRecognizer:
    return build_recognizer(cfg, tuned_state(cfg))


def opened(path: Path) -> tuple[Predict, dict[str, Any]]:
    """Open a program without code of ga2mm; give a function and the metadata."""
    if path.suffix == '.onnx':
        session = open_onnx(path)
        text = session.get_modelmeta().custom_metadata_map[METADATA]
        return lambda frames: session.run(['logits', 'probabilities'], {'frames': frames}), json.loads(text)
    files = {METADATA: ''}
    module = torch.export.load(path, extra_files=files).module()
    return lambda frames: [one.numpy() for one in module(torch.from_numpy(frames))], json.loads(
        files[METADATA]
    )


def videos(number: int, frames: int = 4) -> np.ndarray:
    """Generate uint8 clips (number, frames, 3, 32, 32) of different contrast."""
    noise = np.random.default_rng(number).integers(0, 256, (number, frames, 3, 32, 32))
    return (noise * np.linspace(0.2, 1, number)[:, None, None, None, None]).astype(np.uint8)


def own_prediction(recognizer: CLIPRecognizer, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predict with the model's own data preprocessor and test step."""
    inputs = [torch.from_numpy(clip).transpose(0, 1)[None] for clip in clips]
    batch = recognizer.data_preprocessor(dict(inputs=inputs, data_samples=[]))
    with torch.no_grad():
        logits, _ = recognizer.extract_feat(batch['inputs'], stage='head')
    return logits.numpy(), logits.softmax(dim=-1).numpy()


def check(path: Path, recognizer: CLIPRecognizer) -> dict[str, Any]:
    """Check that a program predicts as the model for several batch sizes; give the metadata."""
    predict, metadata = opened(path)
    for number in (1, 2, 5):
        clips = videos(number)
        found, expected = predict(clips), own_prediction(recognizer, clips)
        assert found[0].shape == (number, len(NAMES))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4, rtol=1e-5)
    return metadata


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_program_predicts_as_the_model_and_names_classes_and_sizes(tmp_path: Path, suffix: str) -> None:
    recognizer, path = tuned(config_of()), tmp_path / f'my model{suffix}'
    metadata = export_program(recognizer, path, none_below=21.5)
    assert check(path, recognizer) == metadata
    assert metadata['classes'] == NAMES
    assert [metadata[key] for key in ('frames', 'height', 'width', 'clips')] == [4, 32, 32, 1]
    assert metadata['none_below'] == 21.5
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ('name', 'method'),
    [('ga2/miniature_ga2', None), ('zoo/miniature', 'maple'), ('zoo/miniature', 'froster')],
)
@pytest.mark.parametrize('suffix', SUFFIXES)
def test_coupled_prompts_and_tuned_towers(tmp_path: Path, suffix: str, name: str, method: str | None) -> None:
    cfg = config_of(name, method)
    if 'coupling' in cfg.model.cls_head:
        with_hard_prompt(cfg, tmp_path)
    recognizer = tuned(cfg)
    export_program(recognizer, tmp_path / f'program{suffix}')
    check(tmp_path / f'program{suffix}', recognizer)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_temporal_model_and_average_with_the_frozen_clip(tmp_path: Path, suffix: str) -> None:
    cfg = config_of()
    cfg.model.temporal = dict(type='TemporalTransformer', layers=1, max_frames=8)
    cfg.model.test_cfg = dict(frozen_share=0.3)
    recognizer = tuned(cfg)
    export_program(recognizer, tmp_path / f'program{suffix}')
    check(tmp_path / f'program{suffix}', recognizer)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_program_of_a_calibrated_model(tmp_path: Path, suffix: str, in_miniature_folder: Path) -> None:
    cfg = config_of()
    calibration = dict(strength=0.5, dataset=cfg.anchor_dataset.to_dict())
    cfg.model.test_cfg = dict(anchor_calibration=calibration)
    recognizer = tuned(cfg)
    export_program(recognizer, tmp_path / f'program{suffix}')
    check(tmp_path / f'program{suffix}', recognizer)


def test_exporting_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    recognizer = tuned(config_of())
    before = own_prediction(recognizer, videos(2))
    export_program(recognizer, tmp_path / 'program.pt2')
    np.testing.assert_array_equal(own_prediction(recognizer, videos(2)), before)


@pytest.mark.parametrize('method', ['cocoop', 'attriprompt'])
def test_prompts_that_depend_on_the_clip_are_an_error(tmp_path: Path, method: str) -> None:
    recognizer = tuned(config_of('zoo/miniature', method))
    with pytest.raises(ValueError, match='depend on the clip.* cannot be exported as a program'):
        export_program(recognizer, tmp_path / 'program.pt2')
    assert not list(tmp_path.iterdir())


def test_suffix_and_int8_are_checked(tmp_path: Path) -> None:
    recognizer = tuned(config_of())
    with pytest.raises(ValueError, match=r'program.pt: give the program a name that ends in .pt2 or .onnx'):
        export_program(recognizer, tmp_path / 'program.pt')
    with pytest.raises(ValueError, match='int8 is for ONNX files'):
        export_program(recognizer, tmp_path / 'program.pt2', int8=True)


@needs_onnx
def test_int8_file_is_smaller_and_predicts_nearly_the_same(tmp_path: Path) -> None:
    recognizer = tuned(config_of())
    export_program(recognizer, tmp_path / 'float.onnx')
    export_program(recognizer, tmp_path / 'int8.onnx', int8=True)
    assert (tmp_path / 'int8.onnx').stat().st_size < 0.5 * (tmp_path / 'float.onnx').stat().st_size
    found = opened(tmp_path / 'int8.onnx')[0](videos(5))[0]
    expected = own_prediction(recognizer, videos(5))[0]
    assert 1e-3 < np.abs(found - expected).max() < 2  # of a logit scale of about 100


def test_missing_packages_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('ga2mm.apis.export_program.ONNX_PACKAGES', ('torch', 'no_such_package'))
    with pytest.raises(ValueError, match=r"need no_such_package, not installed.*pip install 'ga2mm\[onnx\]'"):
        check_onnx_packages()


def test_command_exports_a_model_file_as_a_program(tmp_path: Path) -> None:
    cfg, checkpoint, model = config_of(), tmp_path / 'tuned.pth', tmp_path / 'model.ga2'
    torch.save({'state_dict': tuned_state(cfg)}, checkpoint)
    export_model(cfg, checkpoint, model, NAMES, none_below=20.0)
    out = tmp_path / 'model.pt2'
    done = CliRunner().invoke(make_app(), ['export', str(model), str(out)])
    assert done.exit_code == 0, done.output
    assert 'model.pt2: 3 classes' in done.output and '(B, 4, 3, 32, 32)' in done.output
    assert check(out, VideoClassifier(model, device='cpu').model)['none_below'] == 20.0


@pytest.mark.parametrize(
    ('words', 'line'),
    [
        (['model.ga2'], '1 files are given'),
        (['model.ga2', 'copy.ga2'], 'is a model file already'),
        (['a.py', 'a.pth', 'out.ga2', '--int8'], '--int8 and --clip are for programs'),
        (['model.ga2', 'out.onnx', '--push', 'hf-hub:a/b'], '--push is for model files'),
    ],
)
def test_command_explains_wrong_words(words: list[str], line: str) -> None:
    assert line in str(CliRunner().invoke(make_app(), ['export', *words]).exception)
