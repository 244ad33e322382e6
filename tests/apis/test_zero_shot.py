"""Classification without any training."""

import numpy as np
import pytest

from ga2mm.apis import VideoClassifier
from ga2mm.apis.zero_shot import zero_shot_config
from tests.helpers.coloured import COLOURS, coloured


def test_any_class_names_without_training() -> None:
    classifier = VideoClassifier(zero_shot_config('miniature'), classes=COLOURS, device='cpu')
    found = classifier([coloured([one]) for one in COLOURS])['predictions']
    assert [one['label'] for one in found] == COLOURS


def test_frames_and_size_are_those_of_the_clip() -> None:
    steps = zero_shot_config('ViT-B-16-quickgelu:openai', 'b16x16').test_pipeline
    assert steps[1] == dict(type='UniformSample', clip_len=16, test_mode=True)
    assert steps[3:5] == [dict(type='Resize', scale=(-1, 256)), dict(type='CenterCrop', crop_size=224)]
    large = zero_shot_config('ViT-L-14-336-quickgelu:openai').test_pipeline
    assert large[4]['crop_size'] == 336


def test_unknown_clip_is_one_line() -> None:
    with pytest.raises(ValueError, match='OpenCLIP knows no'):
        zero_shot_config('ViT-B-17:openai')
    with pytest.raises(ValueError, match='is not a video'):
        VideoClassifier(zero_shot_config('miniature'), classes=COLOURS, device='cpu')(np.zeros((1, 2, 3)))
