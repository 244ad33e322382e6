"""Classification of a video from Python."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from ga2mm.apis import classify, load
from ga2mm.datasets import UnreadableVideoError
from ga2mm.miniature import world
from ga2mm.miniature.dataset import write_video
from ga2mm.registry import MODELS
from tests.helpers import running

ROOT = running.ROOT


def zero_shot() -> Config:
    return Config.fromfile(ROOT / 'configs' / 'ga2' / 'miniature_zero_shot.py')


@pytest.fixture(scope='module')
def red_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = world.ClassSpec(world.CLASS_SHAPES[0], world.ACTIONS[0], 'red', list(world.BACKGROUNDS)[0])
    rng = np.random.default_rng(0)
    scenes, _ = world.class_scenes([spec], 1, rng)
    frames = world.render(scenes, world.CLEAN, world.video_times(1), rng)[0]
    path = tmp_path_factory.mktemp('videos') / 'red.mkv'
    write_video(path, frames)
    return path


def test_shipped_clip_knows_a_colour_by_any_sentence(red_video: Path) -> None:
    model = load(zero_shot())
    colours = list(world.COLOURS)
    found = classify(model, red_video, [f'{colour} object' for colour in colours])
    assert next(iter(found)) == 'red object'
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_names_of_the_call_before_are_kept(red_video: Path) -> None:
    model = load(zero_shot())
    first = classify(model, red_video, ['red object', 'blue object'])
    assert classify(model, red_video) == first


def test_unreadable_video_is_named(tmp_path: Path) -> None:
    model = load(zero_shot())
    with pytest.raises(UnreadableVideoError, match='nowhere.mp4: no such file'):
        classify(model, tmp_path / 'nowhere.mp4', ['red object'])


def test_config_with_prompts_needs_its_checkpoint() -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'ga2' / 'miniature_deep_prompts.py')
    with pytest.raises(ValueError, match='give a checkpoint'):
        load(cfg)


def test_checkpoint_is_loaded(tmp_path: Path, red_video: Path) -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'ga2' / 'miniature_deep_prompts.py')
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        model.cls_head.text_prompt.soft_prompt.normal_(generator=torch.Generator().manual_seed(1))
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'tuned.pth')
    loaded = load(cfg, tmp_path / 'tuned.pth')
    assert torch.equal(loaded.cls_head.text_prompt.soft_prompt, model.cls_head.text_prompt.soft_prompt)
    assert len(classify(loaded, red_video, ['one', 'two', 'three'])) == 3


def test_the_package_offers_what_users_call_and_imports_it_when_used():
    code = (
        'import sys, ga2mm; assert not {"torch", "mmengine"} & set(sys.modules); '
        'from ga2mm.apis import load; assert ga2mm.load is load and ga2mm.registry.MODELS; '
        'assert all(hasattr(ga2mm, name) for name in ga2mm.__all__) and not hasattr(ga2mm, "laod")'
    )
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], env=running.environment())
    assert done.returncode == 0
