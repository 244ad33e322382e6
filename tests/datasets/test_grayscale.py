"""Random conversion of clips to greyscale."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from ga2mm.registry import TRANSFORMS


def convert(frames: list[np.ndarray], **arguments) -> list[np.ndarray]:
    init_default_scope('ga2mm')
    return TRANSFORMS.build(arguments)(dict(imgs=list(frames)))['imgs']


@pytest.fixture
def frames() -> list[np.ndarray]:
    return list(np.random.randint(0, 256, (3, 24, 32, 3), dtype=np.uint8))


def test_frames_are_those_of_torchvision_within_rounding(frames):
    ours = convert(frames, type='RandomGrayscaleClip', prob=1)
    theirs = convert(frames, type='TorchVisionWrapper', op='RandomGrayscale', p=1)
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == np.uint8 and one.shape == (24, 32, 3)
        assert abs(one.astype(int) - other).max() <= 1


def test_all_frames_of_a_clip_are_converted_or_none(frames):
    grey = 0
    for _ in range(200):
        converted = [
            (image.max(axis=2) == image.min(axis=2)).all()
            for image in convert(frames, type='RandomGrayscaleClip', prob=0.25)
        ]
        assert len(set(converted)) == 1
        grey += converted[0]
    assert 25 <= grey <= 75


def test_probability_0_changes_nothing(frames):
    after = convert(frames, type='RandomGrayscaleClip', prob=0)
    np.testing.assert_array_equal(after, frames)


@pytest.mark.parametrize('prob', [-0.1, 1.1])
def test_wrong_probability_is_an_error(frames, prob):
    with pytest.raises(ValueError, match=f'prob={prob}: give a probability from 0 to 1'):
        convert(frames, type='RandomGrayscaleClip', prob=prob)
