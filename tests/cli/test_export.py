"""The command ``ga2mm export``."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from ga2mm.apis.model_file import read_model_file
from ga2mm.cli import make_app
from ga2mm.registry import MODELS
from tests.helpers import running
from tests.helpers.coloured import COLOURS, coloured, write

CONFIG = running.ROOT / 'configs' / 'ga2' / 'miniature_deep_prompts.py'


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.save(
        {'state_dict': MODELS.build(running.read_config(CONFIG).model).state_dict()}, tmp_path / 'a.pth'
    )
    return tmp_path / 'a.pth'


def test_checkpoint_becomes_a_model_file_with_a_threshold(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / 'anchors').mkdir()
    write(tmp_path / 'anchors' / 'a.mkv', coloured(COLOURS))
    out, anchors = tmp_path / 'out.ga2', tmp_path / 'anchors'
    words = [
        'export',
        CONFIG,
        checkpoint,
        out,
        '--classes',
        'red object, "blue, green"',
        '--anchors',
        anchors,
    ]
    done = CliRunner().invoke(make_app(), [str(word) for word in words])
    assert done.exit_code == 0, done.output
    found = read_model_file(out)
    assert found.classes == ('red object', 'blue, green')
    assert isinstance(found.none_below, float)
    assert '2 classes, 0.0 MB' in done.output


def test_other_file_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / 'a.pth').write_bytes(b'nothing')
    words = ['export', CONFIG, tmp_path / 'a.pth', tmp_path / 'out.ga2', '--classes', 'a, b']
    done = CliRunner().invoke(make_app(), [str(word) for word in words])
    assert 'is not a checkpoint' in str(done.exception)
    assert not (tmp_path / 'out.ga2').exists()


def test_config_for_mmaction2_has_one_test_set_and_its_classes(
    in_miniature_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'demo.py'
    words = ['export', CONFIG, out, '--classes', 'red object, "blue, green"']
    done = CliRunner().invoke(make_app(), [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert 'demo_labels.txt: 2 classes' in done.output
    assert (tmp_path / 'demo_labels.txt').read_text() == 'red object\nblue, green\n'
    cfg = running.read_config(out)
    assert cfg.model.cls_head.class_names == ['red object', 'blue, green']
    assert cfg.test_dataloader.dataset.split == 'base'
    kinds = [step.type for step in cfg.test_dataloader.dataset.pipeline]
    assert kinds[:3] == ['ga2mm.OpenVideo', 'ga2mm.CentredSampleFrames', 'ga2mm.DecodeFrames']
    assert cfg.test_pipeline == cfg.test_dataloader.dataset.pipeline
    again = CliRunner().invoke(make_app(), [str(word) for word in words])
    assert 'demo.py exists' in str(again.exception)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([CONFIG, 'a.pth', 'demo.py'], 'is made from a config alone'),
        (['a.ga2', 'demo.py'], 'is made from a config alone'),
        ([CONFIG, 'demo.py', '--push', 'hf-hub:a/b'], 'demo.py is a config'),
    ],
)
def test_config_for_mmaction2_takes_a_config_alone(words: list, said: str) -> None:
    done = CliRunner().invoke(make_app(), ['export', *map(str, words)])
    assert said in str(done.exception)
