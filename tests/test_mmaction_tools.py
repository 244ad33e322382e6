"""MMAction2's functions and scripts on our configs and checkpoints.

The scripts come from the source tree of MMAction2 that the variable GA2MM_MMACTION2 names, whose package then
takes precedence over the installed one; without the variable, from the installed package, which has no demos.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import mmaction
import numpy as np
import pytest
import torch
from mmaction.apis import MMAction2Inferencer, inference_recognizer, init_recognizer
from mmengine.config import Config
from mmengine.registry import init_default_scope

import ga2mm
from ga2mm.apis import read_config
from ga2mm.apis.mmaction_config import export_mmaction_config
from ga2mm.datasets import VideoFile
from ga2mm.structures import get_scores
from tests.helpers import running

CONFIG = running.CONFIGS / 'miniature_deep_prompts.py'
EXPORTED = Path('exported.py')
TREE = os.environ.get('GA2MM_MMACTION2')


@pytest.fixture(scope='module')
def folder(miniature_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the miniature world, ``run/epoch_1.pth``, ``exported.py`` and ``exported_labels.txt``."""
    folder = tmp_path_factory.mktemp('mmaction2')
    (folder / 'data').symlink_to(miniature_folder / 'data')
    cfg = running.miniature('deep_prompts', folder / 'run', default_hooks__checkpoint__interval=1)
    del cfg.model.backbone['pretrained']  # the shipped weights, as the scripts read them
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        running.train(cfg)
        export_mmaction_config(read_config(CONFIG), EXPORTED)
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    yield folder
    init_default_scope('ga2mm')


@pytest.fixture
def clip(here: Path) -> str:
    """A generated video, in a lossless codec, so that all decoders give the same frames."""
    return str(min(here.glob('data/miniature/mild/draw0/videos/*.mkv')))


@pytest.fixture
def expected(here: Path, clip: str) -> torch.Tensor:
    """Our probabilities of the video's base classes, by label."""
    model = ga2mm.load(CONFIG, 'run/epoch_1.pth')
    names = (here / 'exported_labels.txt').read_text().splitlines()
    probabilities = ga2mm.classify(model, clip, names)
    return torch.tensor([probabilities[name] for name in names])


def run_script(place: str, *args: object) -> str:
    """Run one of MMAction2's scripts on the CPU and give its output."""
    root = Path(TREE) if TREE else Path(mmaction.__file__).parent / '.mim'
    if not (root / place).is_file():
        pytest.skip(f'{root} has no {place}: set GA2MM_MMACTION2 to the source tree of MMAction2')
    path = os.pathsep.join([*([TREE] if TREE else []), str(running.ROOT), os.environ.get('PYTHONPATH', '')])
    result = subprocess.run(
        [sys.executable, str(root / place), *map(str, args)],
        env=running.environment() | dict(PYTHONPATH=path, CUDA_VISIBLE_DEVICES=''),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def needs_moviepy() -> None:
    pytest.importorskip('moviepy.editor', reason='MMAction2 writes videos with moviepy < 2')


@pytest.mark.parametrize('config', [CONFIG, EXPORTED], ids=lambda path: path.stem)
def test_init_and_inference_recognizer_give_our_numbers(config, clip, expected):
    model = init_recognizer(str(config), 'run/epoch_1.pth', device='cpu')
    scores = get_scores(inference_recognizer(model, clip))
    torch.testing.assert_close(scores, expected)


def test_init_recognizer_keeps_the_weights_of_clip(clip):
    model = init_recognizer(str(CONFIG), 'run/epoch_1.pth', device='cpu')
    assert model.backbone.identity == ga2mm.load(CONFIG, 'run/epoch_1.pth').backbone.identity


def test_init_recognizer_names_the_key_of_an_older_config(here):
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.pretrained = cfg.model.backbone.pop('weights')
    with pytest.raises(ValueError, match=r'backbone\.weights is missing'):
        init_recognizer(cfg, 'run/epoch_1.pth', device='cpu')


def test_class_names_of_the_config_precede_the_training_sets(clip):
    cfg = Config.fromfile(CONFIG)
    cfg.model.cls_head.class_names = ['circle rising', 'walking a dog']
    model = init_recognizer(cfg, 'run/epoch_1.pth', device='cpu')
    assert get_scores(inference_recognizer(model, clip)).shape == (2,)


@pytest.mark.parametrize('input_format', ['video', 'array'])
def test_inferencer_gives_our_numbers(input_format, clip, expected):
    inferencer = MMAction2Inferencer(
        str(EXPORTED), 'run/epoch_1.pth', device='cpu', input_format=input_format
    )
    video = VideoFile(clip)
    given = clip if input_format == 'video' else np.stack(video.frames(range(len(video))))
    (found,) = inferencer(given)['predictions']
    torch.testing.assert_close(torch.tensor(found['rec_scores'][0]), expected, atol=1e-4, rtol=1e-3)


def test_demo(clip, expected):
    printed = run_script(
        'demo/demo.py', CONFIG, 'run/epoch_1.pth', clip, 'exported_labels.txt', '--device', 'cpu'
    ).splitlines()
    best = Path('exported_labels.txt').read_text().splitlines()[int(expected.argmax())]
    first = printed[printed.index('The top-5 labels with corresponding scores are:') + 1]
    assert first.startswith(f'{best}: ')
    assert float(first.rpartition(' ')[2]) == pytest.approx(float(expected.max()), abs=1e-4)


def test_demo_inferencer(clip, expected, tmp_path):
    args = ('--rec', EXPORTED, '--rec-weights', 'run/epoch_1.pth', '--label-file', 'exported_labels.txt')
    out = tmp_path / 'out.json'
    run_script('demo/demo_inferencer.py', clip, *args, '--device', 'cpu', '--pred-out-file', out)
    (found,) = json.loads(out.read_text())['predictions']
    torch.testing.assert_close(torch.tensor(found['rec_scores'][0]), expected, atol=1e-4, rtol=1e-3)


def test_long_video_demo(clip, tmp_path):
    out = tmp_path / 'out.json'
    args = (EXPORTED, 'run/epoch_1.pth', clip, 'exported_labels.txt', out, '--device', 'cpu')
    run_script('demo/long_video_demo.py', *args)
    windows = json.loads(out.read_text())
    assert len(windows) == 8  # the video has 8 frames, and a window 4
    assert 'Preparing' in windows['3']
    assert 'Preparing' not in windows['4']


@pytest.mark.parametrize(('config', 'phase'), [(CONFIG, 'train'), (EXPORTED, 'test')])
def test_browse_dataset(config, phase, here, tmp_path):
    needs_moviepy()
    run_script('tools/visualizations/browse_dataset.py', config, tmp_path, '--phase', phase, '-n', 2)
    assert len(list(tmp_path.rglob('video_*.mp4'))) == 2


def test_get_flops(here):
    args = (CONFIG, '--shape', 1, 3, 4, 32, 32)
    printed = run_script('tools/analysis_tools/get_flops.py', *args)
    assert 'Input shape: (1, 3, 4, 32, 32)' in printed
    assert 'Flops: 0' not in printed


def test_published_checkpoint_predicts_the_same(clip, expected, tmp_path):
    run_script('tools/deployment/publish_model.py', 'run/epoch_1.pth', tmp_path / 'published.pth')
    (published,) = tmp_path.glob('published_*.pth')
    assert published.stat().st_size < Path('run/epoch_1.pth').stat().st_size
    model = init_recognizer(str(CONFIG), str(published), device='cpu')
    torch.testing.assert_close(get_scores(inference_recognizer(model, clip)), expected)


@pytest.mark.parametrize('config', [CONFIG, EXPORTED], ids=lambda path: path.stem)
def test_print_config(config, here):
    printed = run_script('tools/analysis_tools/print_config.py', config)
    assert "weights='miniature'" in printed
    assert 'test_pipeline' in printed


def test_exported_config_runs_with_our_tools(here, tmp_path, capsys):
    running.tool('test.py', EXPORTED, 'run/epoch_1.pth', '--work-dir', tmp_path)
    assert 'acc/top1' in running.log_in(tmp_path)
