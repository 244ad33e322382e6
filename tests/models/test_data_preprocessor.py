"""From the frames of a data loader to the inputs of a recognizer."""

import pytest
import torch

from ga2mm.models import ClipDataPreprocessor
from ga2mm.structures import get_gt_label
from tests.helpers.devices import FAR, Copies
from tests.helpers.models import make_samples

MEAN, STD = [122.0, 116.0, 104.0], [68.0, 66.0, 70.0]


def make_batch(*lengths: int) -> dict:
    videos = [torch.randint(0, 256, (1, 3, length, 8, 8), dtype=torch.uint8) for length in lengths]
    return dict(inputs=videos, data_samples=make_samples(*range(len(lengths))))


@pytest.fixture
def preprocessor() -> ClipDataPreprocessor:
    return ClipDataPreprocessor(mean=MEAN, std=STD, format_shape='NCTHW')


def test_uint8_frames_cross_without_waiting_and_labels_stay(preprocessor):
    batch = make_batch(2, 2)
    with Copies() as copies:
        data = preprocessor.to(FAR)(batch, training=True)
    frames = [copy for copy in copies.made if copy[1] > 3]  # not mean and standard deviation
    assert frames == [(torch.uint8, 3 * 2 * 8 * 8, False)] * 2
    assert data['inputs'].device.type == FAR and data['inputs'].dtype == torch.float32
    assert [get_gt_label(sample).tolist() for sample in data['data_samples']] == [[0], [1]]


def test_videos_of_different_lengths_are_not_padded(preprocessor):
    batch = make_batch(2, 3)
    videos = list(batch['inputs'])
    inputs = preprocessor(batch)['inputs']
    for video, alone in zip(inputs, videos, strict=True):
        torch.testing.assert_close(video[None], preprocessor(dict(inputs=[alone], data_samples=[]))['inputs'])
        assert video.shape == alone.shape
