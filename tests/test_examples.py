"""The files in ``examples`` run as they are, without a change to the package."""

import json

import pytest
import torch
from mmengine.config import Config

from ga2mm.engine import read_checkpoint
from ga2mm.registry import DATASETS
from tests.helpers import running
from tests.helpers.running import logged_losses, tool

EXAMPLES = running.ROOT / 'examples'
CONFIG = EXAMPLES / 'miniature_extended.py'
CODE = ['drift_weighted.py', 'noise_videos.py', 'shared_prompt.py']
UNTRAINED = 'model.backbone.pretrained=random'


@pytest.fixture(autouse=True)
def examples_on_path(monkeypatch):
    """Import the examples, as with ``PYTHONPATH=examples``."""
    monkeypatch.syspath_prepend(EXAMPLES)


def test_a_step_of_training_and_a_test(tmp_path, in_miniature_folder):
    short = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'train_dataloader.batch_size=24']
    tool('train.py', CONFIG, '--work-dir', tmp_path, '--seed', 0, '--cfg-options', UNTRAINED, *short)
    (step,) = logged_losses(tmp_path)
    assert set(step) == {'loss', 'loss_cls', 'loss_anchor_DriftWeighted'}
    assert 0 < step['loss_anchor_DriftWeighted'] < 2.1
    state = read_checkpoint(tmp_path / 'epoch_1.pth')['state_dict']
    assert state['cls_head.vision_prompt.soft_prompt'].shape == (4, 128)
    assert (state['cls_head.vision_prompt.factors'] != 1).all()

    tested = tmp_path / 'tested'
    tool('test.py', CONFIG, tmp_path / 'epoch_1.pth', '--work-dir', tested, '--cfg-options', UNTRAINED)
    percent = json.loads((tested / 'test_metrics.json').read_text())['top1_percent']
    assert {'base', 'novel', 'hm'} <= percent.keys()


def test_noise_is_always_the_same():
    anchors = DATASETS.build(Config.fromfile(CONFIG).train_dataloader.dataset.anchors)
    assert len(anchors) == 64
    first, again, other = (anchors[index]['inputs'] for index in (0, 0, 1))
    assert first.shape == (1, 3, 4, 32, 32) and first.dtype == torch.uint8
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize('name', CODE)
def test_an_example_is_short(name):
    assert len((EXAMPLES / name).read_text().splitlines()) <= 25


def test_guide_names_every_example():
    guide = (running.ROOT / 'docs' / 'extend.md').read_text()
    names = sorted(path.name for path in EXAMPLES.glob('*.py'))
    assert names == sorted([*CODE, CONFIG.name])
    assert all(f'examples/{name}' in guide for name in names)
