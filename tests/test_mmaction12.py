"""MMAction2 1.2, which names labels differently, in place of the installed 1.1."""

import os
import subprocess
import sys

import pytest

from tests.helpers import running

ROOT = running.ROOT

STEP = """
import mmaction, torch
from mmaction.structures import ActionDataSample
from ga2mm.evaluation import Accuracy
from ga2mm.registry import MODELS
from ga2mm.structures import get_scores, set_gt_label

assert mmaction.__version__.startswith('1.2'), mmaction.__version__
model = MODELS.build(dict(
    type='CLIPRecognizer',
    backbone=dict(type='OpenCLIP', arch='miniature', pretrained='random'),
    cls_head=dict(
        type='CoupledPromptHead',
        class_names=['one', 'two', 'three'],
        vision_prompt=dict(type='DeepPrompt', length=4, depth=3),
        text_prompt=dict(type='DeepPrompt', length=4, depth=3))))
samples = [ActionDataSample(metainfo=dict(readable=True)) for _ in range(2)]
for label, sample in enumerate(samples):
    set_gt_label(sample, label)
frames = torch.randn(2, 1, 3, 4, 32, 32)
loss, logged = model.parse_losses(model(frames, samples, mode='loss'))
loss.backward()
assert model.cls_head.text_prompt.soft_prompt.grad.abs().sum() > 0
model.eval()
with torch.no_grad():
    predictions = model(frames, samples, mode='predict')
assert all(abs(float(get_scores(sample).sum()) - 1) < 1e-5 for sample in predictions)
metric = Accuracy()
metric.process(None, [sample.to_dict() for sample in predictions])
print(metric.evaluate(2))
"""


@pytest.fixture(scope='module')
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which MMAction2 1.2.0 comes before the installed one.

    PyPI's wheel lacks the folder ``localizers/drn``, which installs from source have; a stub takes its place.
    """
    folder = tmp_path_factory.mktemp('mmaction12')
    pip = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', str(folder)]
    if subprocess.run([*pip, 'mmaction2==1.2.0'], capture_output=True).returncode:
        pytest.skip('mmaction2 1.2.0 cannot be downloaded here')
    drn = folder / 'mmaction' / 'models' / 'localizers' / 'drn'
    drn.mkdir(exist_ok=True)
    (drn / '__init__.py').touch()
    (drn / 'drn.py').write_text('class DRN: ...\n')
    (folder / 'importlib_metadata.py').write_text('from importlib.metadata import *\n')
    with (folder / 'importlib_metadata.py').open('a') as file:
        file.write('from importlib.metadata import PackageNotFoundError, distribution\n')
    return {**os.environ, 'PYTHONPATH': f'{folder}:{ROOT}'}


@pytest.mark.slow
def test_reference_numbers(environment: dict[str, str]) -> None:
    command = [sys.executable, 'tools/analysis/check_reference.py', 'tests/data/ga2_clip_reference.npz']
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_train_step_prediction_and_metric(environment: dict[str, str]) -> None:
    command = [sys.executable, '-c', STEP]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'acc/top1' in result.stdout
