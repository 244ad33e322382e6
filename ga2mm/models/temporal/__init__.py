"""Temporal models, one a file: from the features of a clip's frames to the feature of the clip.

A temporal model takes ``frame_features`` (clips, T, embed_dim), not normalised, and ``class_features``
(classes, embed_dim), of unit length. It gives unit features of the clips, (clips, embed_dim), or, where the
classes guide it, (clips, classes, embed_dim). If its constructor has the keyword-only argument ``embed_dim``,
the model gives it.
"""

from ga2mm.models.temporal.class_guided_attention import ClassGuidedAttention
from ga2mm.models.temporal.mean_over_frames import mean_over_frames
from ga2mm.models.temporal.temporal_transformer import TemporalTransformer

__all__ = ['ClassGuidedAttention', 'TemporalTransformer', 'mean_over_frames']
