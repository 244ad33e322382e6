"""A tiny random CLIP, and recognizers on it."""

import copy
from collections.abc import Callable

import pytest
import torch

from ga2mm.models import CLIPRecognizer, OpenCLIP
from ga2mm.registry import MODELS

ARCH = dict(
    embed_dim=32,
    vision_cfg=dict(image_size=32, layers=3, width=64, patch_size=8, head_width=32),
    text_cfg=dict(width=64, heads=2, layers=3),
)


@pytest.fixture
def arch() -> dict:
    """OpenCLIP's config of the tiny CLIP."""
    return copy.deepcopy(ARCH)


@pytest.fixture
def make_clip(arch) -> Callable[..., OpenCLIP]:
    """Builds the tiny CLIP; the same seed gives the same weights."""

    def make(seed: int = 0, **arguments) -> OpenCLIP:
        torch.manual_seed(seed)
        return OpenCLIP(**{'arch': arch, 'pretrained': 'random', **arguments})

    return make


@pytest.fixture(scope='session')
def clip() -> OpenCLIP:
    """The tiny CLIP, for tests that leave it as it is."""
    torch.manual_seed(0)
    return OpenCLIP(copy.deepcopy(ARCH), 'random')


@pytest.fixture
def make_recognizer(arch) -> Callable[..., CLIPRecognizer]:
    """Builds a recognizer; ``head`` holds arguments of the head, the rest those of the recognizer."""

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
