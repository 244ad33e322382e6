"""Frames in memory pass the same transforms as a file."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from mmengine.config import Config

from ga2mm.apis.prediction_pipeline import PredictionPipeline
from tests.helpers import running
from tests.helpers.coloured import COLOURS, coloured, write

STEPS = {
    'resize and crop': [dict(type='Resize', scale=(-1, 40)), dict(type='CenterCrop', crop_size=32)],
    'lazy': [
        dict(type='Resize', scale=(-1, 40), lazy=True),
        dict(type='CenterCrop', crop_size=32, lazy=True),
        dict(type='Fuse'),
    ],
    'three crops': [dict(type='Resize', scale=(-1, 32)), dict(type='ThreeCrop', crop_size=32)],
    'none': [],
}


@pytest.fixture(scope='module')
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp('video') / 'colours.mkv', coloured(COLOURS))


@pytest.mark.parametrize('name', list(STEPS))
def test_frames_in_memory_give_the_item_of_the_file(name: str, video: Path) -> None:
    running.read_config(running.CONFIGS / 'miniature_zero_shot.py')  # registers the transforms
    sampling = dict(type='UniformSample', clip_len=4, test_mode=True)
    packing = [dict(type='FormatShape', input_format='NCTHW'), dict(type='PackActionInputs')]
    steps = [dict(type='OpenVideo'), sampling, dict(type='DecodeFrames'), *STEPS[name], *packing]
    pipeline = PredictionPipeline(Config(dict(default_scope='ga2mm', test_pipeline=steps)))
    with av.open(str(video)) as container:
        frames = np.stack([frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)])
    item = pipeline.read(video)
    again = pipeline.read_frames(frames, video.name)
    assert torch.equal(item['inputs'], again['inputs'])
    if name != 'none':
        assert item['inputs'].shape[-2:] == (32, 32)
        assert pipeline.shrink(frames[0]).size < frames[0].size
