"""Frozen features of clips that repeat."""

import torch
from mmengine.optim import build_optim_wrapper

from ga2mm.models.frozen_videos import FrozenVideos
from ga2mm.models.video_encoder import VideoEncoder
from tests.helpers.models import make_samples
from tests.helpers.objectives import FEATURE_CONSISTENCY


def make_frames(count: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 256, (1, 3, 2, 32, 32), generator=generator).byte() for _ in range(count)]


def as_clips(frames: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat(frames).transpose(1, 2) / 128 - 1


def count_frames(clip) -> list[int]:
    """The number of frames of each pass of the vision tower from now on."""
    seen: list[int] = []
    clip.model.visual.conv1.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    return seen


def test_equal_frames_are_encoded_once_with_equal_features(make_clip):
    clip = make_clip()
    encoder, frames = VideoEncoder(clip), make_frames(3)
    expected = encoder(as_clips(frames)).features
    cached, seen = FrozenVideos(encoder), count_frames(clip)
    for order in ([0, 1], [1, 2], [2, 1, 0], [0, 0]):
        chosen = [frames[place].clone() for place in order]
        features = cached(as_clips(chosen), chosen)
        torch.testing.assert_close(features, expected[order], rtol=0, atol=1e-6)
    assert seen == [4, 2]
    # One other pixel is another video.
    other = frames[0].clone()
    other[0, 0, 0, 0, 0] ^= 1
    cached(as_clips([other]), [other])
    assert seen == [4, 2, 2]


def test_the_cache_is_bounded_and_ends_where_nothing_repeats(make_clip):
    encoder = VideoEncoder(make_clip())
    cached = FrozenVideos(encoder, max_videos=2)
    for seed in range(6):
        frames = make_frames(1, seed)
        cached(as_clips(frames), frames)
        assert len(cached._cache) <= 2
    assert len(cached._cache) == 0
    # Repeated videos keep it alive.
    cached, frames = FrozenVideos(encoder, max_videos=2), make_frames(1)
    for seed in range(1, 6):
        for each in (frames, make_frames(1, seed)):
            cached(as_clips(each), each)
    assert len(cached._cache) == 2


def test_training_encodes_the_frozen_features_of_a_repeated_anchor_once(make_recognizer):
    model = make_recognizer(anchors=FEATURE_CONSISTENCY)
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=0.0)))
    frames, samples = make_frames(4), make_samples(0, None, 1, None)
    seen = count_frames(model.backbone)
    logged = [
        model.train_step(dict(inputs=frames, data_samples=samples), wrapper)['loss_anchor_FeatureConsistency']
        for _ in range(3)
    ]
    assert seen == [8, 4, 8, 8]  # labelled clips and anchors with prompts; anchors without, once
    torch.testing.assert_close(torch.stack(logged[1:]), logged[0].expand(2), rtol=0, atol=1e-6)
    model.train().float()  # moves the weights
    model.train_step(dict(inputs=frames, data_samples=samples), wrapper)
    assert seen[4:] == [8, 4]
