"""The encoder of video clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ga2mm.models.clip import OpenCLIP
from ga2mm.utils import at_least_float32


def mean_over_frames(frame_features: Tensor) -> Tensor:
    """Average frame features (clips, T, embed_dim) to unit features (clips, embed_dim)."""
    return F.normalize(frame_features.mean(dim=1), dim=-1)


@dataclass
class VideoTokens:
    """Features and patch tokens of clips.

    Attributes:
        features: Unit features (B, embed_dim), the mean over frames.
        frames: Features of the frames (B, T, embed_dim), not normalised.
        layers: Output patch tokens of each vision layer, (B, T · patches, vision width); empty if not kept.
    """

    features: Tensor
    frames: Tensor
    layers: Sequence[Tensor] = ()


class VideoEncoder:
    """The vision tower with its prompts, followed by a temporal model or the mean over frames.

    The encoder owns no parameters: the CLIP, the prompts and the temporal model belong to the recognizer.

    Args:
        clip: The CLIP.
        prompt: Prompt learner of the vision tower; None for no prompt.
        temporal: Temporal model (see :mod:`ga2mm.experimental`); None for the mean over frames.
        with_layers: Whether to keep patch tokens, which needs memory.
    """

    def __init__(
        self,
        clip: OpenCLIP,
        prompt: nn.Module | None = None,
        temporal: nn.Module | None = None,
        with_layers: bool = False,
    ) -> None:
        self.clip = clip
        self.prompt = prompt
        self.temporal = temporal
        self.with_layers = with_layers

    def __call__(self, clips: Tensor) -> VideoTokens:
        """Encode normalised clips (B, T, 3, H, W).

        Clips may also be given as the frozen CLIP's features of their frames (B, T, embed_dim).

        Raises:
            ValueError: Features are given, and the model changes the vision tower or needs its layers.
        """
        if clips.dim() == 3:
            if self.prompt is not None or self.with_layers or not self.clip.frozen:
                raise ValueError(
                    'the inputs are features of frames, but this model tunes the vision tower or reads its '
                    'layers: train it on frames (OpenVideo, DecodeFrames)'
                )
            return VideoTokens(mean_over_frames(clips), clips)
        prompts = () if self.prompt is None else self.prompt()
        frames, layers = clips.flatten(0, 1), []
        if self.with_layers:
            frames, layers = self.clip.encode_frames_and_layers(frames, prompts)
        else:
            frames = self.clip.encode_frames(frames, prompts)
        frames = at_least_float32(frames).unflatten(0, clips.shape[:2])
        layers = [layer.unflatten(0, clips.shape[:2]).flatten(1, 2) for layer in layers]
        return VideoTokens(mean_over_frames(frames), frames, layers)

    def pool(self, frames: Tensor, classes: Tensor) -> Tensor:
        """Pool frame features to clip features, which the head compares with the classes.

        Args:
            frames: Features of the frames (B, T, embed_dim), not normalised.
            classes: Unit features of the classes, for a temporal model that uses them.

        Returns:
            Unit features (B, embed_dim), or (B, classes, embed_dim) if the classes guide the pooling.
        """
        if self.temporal is None:
            return mean_over_frames(frames)
        with torch.autocast(frames.device.type, enabled=False):
            return self.temporal(frames, at_least_float32(classes))
