"""A tiny random CLIP and recognizers on it, hard prompts for it, videos, and a small miniature world."""

import copy
import gc
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from ga2mm.miniature.dataset import generate_draw, generate_irrelevant, generate_source
from ga2mm.models import CLIPRecognizer, OpenCLIP
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from tests.helpers import running
from tests.helpers.hard_prompts import LENGTH, WIDTH
from tests.helpers.videos import write_video

ARCH = dict(
    embed_dim=32,
    vision_cfg=dict(image_size=32, layers=3, width=64, patch_size=8, head_width=32),
    text_cfg=dict(width=64, heads=2, layers=3),
)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Reset all random seeds, so that every test draws the same random numbers."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope='session', autouse=True)
def _little_garbage() -> None:
    """Turn off the garbage collection of MMEngine datasets, which takes seconds here."""
    gc.freeze()


@pytest.fixture(scope='module', autouse=True)
def _own_scope() -> None:
    """Start every file in the scope of ga2mm."""
    init_default_scope('ga2mm')


@pytest.fixture
def arch() -> dict:
    """OpenCLIP's config of the tiny CLIP."""
    return copy.deepcopy(ARCH)


@pytest.fixture
def make_clip(arch) -> Callable[..., OpenCLIP]:
    """Builds the tiny CLIP."""

    def make(**arguments) -> OpenCLIP:
        return OpenCLIP(**{'arch': arch, 'pretrained': 'random', **arguments})

    return make


@pytest.fixture(scope='session')
def clip() -> OpenCLIP:
    """The tiny CLIP, for tests that do not change it."""
    return OpenCLIP(copy.deepcopy(ARCH), 'random')


@pytest.fixture
def make_recognizer(arch) -> Callable[..., CLIPRecognizer]:
    """Build a recognizer; ``head`` has arguments of the head, ``seed`` seeds its prompts."""

    def make(seed: int = 0, head: dict | None = None, **arguments) -> CLIPRecognizer:
        torch.manual_seed(seed)
        cls_head = dict(
            type='CoupledPromptHead',
            class_names=['walk', 'climb stairs', 'drink'],
            vision_prompt=dict(type='DeepPrompt', length=3, depth=2),
            text_prompt=dict(type='DeepPrompt', length=2, depth=2),
        )
        config = dict(
            type='CLIPRecognizer',
            backbone=dict(type='OpenCLIP', arch=arch, pretrained='random'),
            cls_head={**cls_head, **(head or {})},
        )
        return MODELS.build({**config, **arguments})

    return make


@pytest.fixture(scope='session')
def miniature_folder(tmp_path_factory) -> Path:
    """A folder to run the miniature configs in: a small miniature world, and a hard prompt for it.

    Draw 0 has 24 training videos (2 a class), 12 for validation, 24 base and 24 novel for the test.
    """
    folder = tmp_path_factory.mktemp('miniature')
    root = folder / 'data' / 'miniature'
    generate_draw(root, 0, shots=2, test_videos=2, val_videos=1)
    generate_irrelevant(root, videos=10)
    generate_irrelevant(root, videos=10, test=True)
    generate_source(root, shots=1, test_videos=1)
    prompt = torch.randn(4, 96, generator=torch.Generator().manual_seed(0))
    identity = OpenCLIP('miniature', 'random').identity
    write_hard_prompt(folder / 'hard_prompts' / 'miniature_source.safetensors', prompt, identity, 'test')
    return folder


@pytest.fixture
def in_miniature_folder(miniature_folder, monkeypatch) -> Path:
    """Make :func:`miniature_folder` the current folder, to which paths in configs are relative."""
    monkeypatch.chdir(miniature_folder)
    monkeypatch.setenv('LOCAL_RANK', '0')  # the tools set it
    return miniature_folder


@pytest.fixture
def coupled_head(clip, tmp_path) -> dict:
    """Arguments of a head whose text prompt is coupled to a hard prompt."""
    path = tmp_path / 'hard_prompt.safetensors'
    write_hard_prompt(path, torch.randn(2, 64), clip.identity, 'a run')
    coupling = dict(type='HardPromptCoupling', hard_prompt=str(path), dropout=0.0)
    return dict(text_prompt=dict(type='DeepPrompt', length=2, depth=2), coupling=coupling)


@pytest.fixture
def hard_prompt(clip, tmp_path) -> str:
    """A file with a hard prompt for the tiny CLIP."""
    path = tmp_path / 'hard_prompt.safetensors'
    write_hard_prompt(path, torch.randn(LENGTH, WIDTH), clip.identity, 'a run')
    return str(path)


@pytest.fixture(scope='session')
def videos(tmp_path_factory) -> Path:
    """A folder of readable and unreadable videos of 64 x 48 pixels."""
    folder = tmp_path_factory.mktemp('videos')
    for number in range(3):
        write_video(folder / f'good {number}.mp4', 'mp4v', seed=number)
    write_video(folder / 'good.avi', 'MJPG', seed=3)
    content = (folder / 'good 0.mp4').read_bytes()
    size = len(content)
    noise = np.random.default_rng(0).bytes(size)
    (folder / 'empty.mp4').write_bytes(b'')
    (folder / 'truncated.mp4').write_bytes(content[: size // 2])
    (folder / 'garbled.mp4').write_bytes(
        content[: size // 4] + noise[: size // 2] + content[size // 4 + size // 2 :]
    )
    (folder / 'text.mp4').write_text('404 not found')
    # Its header claims 7 billion frames, and decord then ends the process.
    shutil.copy(running.DATA / 'videos' / '0113_box_g_h264_fast.mp4', folder / 'absurd.mp4')
    shutil.copy(running.DATA / 'videos' / 'noise.avi', folder / 'damaged.avi')
    return folder
