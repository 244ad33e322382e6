"""Clips and features of their frames as input of the video encoder."""

import pytest
import torch

from ga2mm.models.video_encoder import VideoEncoder
from tests.helpers.models import make_clips


def test_features_of_frames_are_pooled_as_those_of_clips(clip):
    encoder = VideoEncoder(clip)
    expected = encoder(make_clips().flatten(0, 1).transpose(1, 2))
    tokens = encoder(expected.frames)
    assert expected.frames.shape[:2] == (3, 2)
    torch.testing.assert_close(tokens.features, expected.features)
    torch.testing.assert_close(tokens.frames, expected.frames)


def test_a_model_that_reads_layers_takes_no_features(clip):
    with pytest.raises(ValueError, match='tunes the vision tower or reads its layers: train it on frames'):
        VideoEncoder(clip, with_layers=True)(torch.randn(3, 2, clip.embed_dim))
