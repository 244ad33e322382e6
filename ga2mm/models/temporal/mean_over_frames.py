"""Mean pooling over frames, what a recognizer does without a temporal model."""

import torch.nn.functional as F
from torch import Tensor


def mean_over_frames(frame_features: Tensor) -> Tensor:
    """Unit features (clips, embed_dim) of frame features (clips, T, embed_dim)."""
    return F.normalize(frame_features.mean(dim=1), dim=-1)
