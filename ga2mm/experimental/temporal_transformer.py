"""A transformer over the frames of a clip."""

import torch
from mmengine.model import BaseModule
from open_clip.transformer import QuickGELU, Transformer
from torch import Tensor, nn

from ga2mm.models.video_encoder import mean_over_frames
from ga2mm.registry import MODELS


@MODELS.register_module()
class TemporalTransformer(BaseModule):
    """A transformer over frame features, with positions and a residual, then the mean over frames.

    ``unit mean over frames of (frames + change)``, where ``change = transformer(frames + positions) -
    (frames + positions)``. The output projections of all blocks are initialised to zero, so training starts
    exactly from the mean over frames. The feature of a one-frame clip is only normalised, without gradient to
    the parameters.

    Source: the temporal transformer of Text4Vis (arXiv 2207.01297), with its layers, heads and positions.
    Design choice: Text4Vis averages ``frames + transformer(frames + positions)``, which contains the frames
    twice, and the positions, and is only close to the mean at the start.

    At a width of 512 it has about 19 million parameters, far more than prompts, and may need a smaller
    learning rate.

    Args:
        layers: Number of blocks.
        max_frames: Maximum number of frames of a clip.
        embed_dim: Dimensions of the frames' features. Given by the model.
    """

    def __init__(self, layers: int = 6, max_frames: int = 32, *, embed_dim: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(max_frames, embed_dim) * 0.02)
        heads = max(1, embed_dim // 64)
        self.transformer = Transformer(embed_dim, layers, heads, act_layer=QuickGELU)
        for block in self.transformer.resblocks:
            for projection in (block.attn.out_proj, block.mlp.c_proj):
                nn.init.zeros_(projection.weight)
                nn.init.zeros_(projection.bias)

    def forward(self, frame_features: Tensor, class_features: Tensor) -> Tensor:
        """Pool frames (clips, T, embed_dim) to unit features (clips, embed_dim), independent of the classes.

        Raises:
            ValueError: The clips have more than ``max_frames`` frames.
        """
        num_frames, max_frames = frame_features.shape[1], len(self.positions)
        if num_frames > max_frames:
            raise ValueError(
                f'clips have {num_frames} frames, but model.temporal.max_frames is {max_frames}: raise it, '
                'or lower clip_len in the pipelines'
            )
        if num_frames == 1:
            return mean_over_frames(frame_features)
        placed = frame_features + self.positions[:num_frames]
        return mean_over_frames(frame_features + self.transformer(placed) - placed)
