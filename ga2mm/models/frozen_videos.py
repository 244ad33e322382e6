"""Frozen CLIP features of training clips, computed once for clips that repeat."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from ga2mm.models.feature_cache import FeatureCache
from ga2mm.models.video_encoder import VideoEncoder

MAX_VIDEOS = 8192
"""Number of videos whose features are kept: 16 MiB with 512 dimensions."""


class FrozenVideos:
    """The frozen CLIP's features of clips; equal frames are encoded once.

    Anchors and labelled clips without random augmentation have equal frames in every epoch. A hash of the
    frames tells, so no pipeline needs to be declared as deterministic. If nothing repeats among twice as many
    videos as the cache keeps, as with random crops, it stops hashing and keeps nothing.

    Args:
        encoder: The video encoder of the frozen CLIP.
        max_videos: Number of videos whose features are kept.
    """

    def __init__(self, encoder: VideoEncoder, max_videos: int = MAX_VIDEOS) -> None:
        self.encoder = encoder
        self.max_videos = max_videos
        self._cache = FeatureCache(max_videos)
        self._encoded = 0
        self._repeats = False

    @torch.no_grad()
    def __call__(self, clips: Tensor, frames: Sequence[Tensor]) -> Tensor:
        """Encode clips.

        Args:
            clips: Normalised clips (B · M, T, 3, H, W), M of each of B videos.
            frames: Frames of the videos as loaded, on the CPU; empty if they are unknown.

        Returns:
            Unit features (B · M, embed_dim), without gradient.
        """
        if not frames or (self._encoded >= 2 * self.max_videos and not self._repeats):
            self.clear()
            return self.encoder(clips).features
        views = clips.unflatten(0, (len(frames), -1))

        def encode(places: list[int]) -> Tensor:
            self._encoded += len(places)
            missing = views if len(places) == len(views) else torch.stack([views[place] for place in places])
            return self.encoder(missing.flatten(0, 1)).features.unflatten(0, missing.shape[:2])

        before = self._encoded
        features = self._cache.get([_hash(one) for one in frames], encode)
        self._repeats |= self._encoded - before < len(frames)
        return torch.cat(features)

    def clear(self) -> None:
        """Forget all features, for example after the CLIP has moved to another device."""
        self._cache.clear()


def _hash(frames: Tensor) -> tuple[torch.Size, bytes]:
    values = frames.contiguous().view(torch.uint8).numpy()
    return frames.shape, hashlib.blake2b(values, digest_size=16).digest()
