"""Experimental components, one per file, that our measurements do not support.

Configs name them like any other component. The table compares the harmonic mean of base and novel accuracy on
the miniature world with the package's defaults:

===========================  ======================================================================
``DistributionConsistency``  anchor strategy; no gain over ``FeatureConsistency`` on validation draws
``JointSoftmax``             anchor strategy; no gain, also not in separating unknown from known videos
``Margin``                   anchor strategy; no gain, also not in separating unknown from known videos
``ClassGuidedAttention``     temporal model; 3.7 points below the mean over frames
``TemporalTransformer``      temporal model; 42.4 points below the mean over frames, 6.5 at a lower rate
===========================  ======================================================================

The tables with intervals are in ``docs/experiments``: ``anchors_validation.md``, ``unknown_videos.md``,
and of the first miniature world ``first_world/temporal_validation.md``. No measurement used real data.

A temporal model maps ``frame_features`` (clips, T, embed_dim), not normalised, and ``class_features``
(classes, embed_dim), of unit length, to unit features: (clips, embed_dim), or (clips, classes, embed_dim)
if the classes guide it. The model passes a keyword-only argument ``embed_dim`` of its constructor.
"""

from ga2mm.experimental.class_guided_attention import ClassGuidedAttention
from ga2mm.experimental.distribution_consistency import DistributionConsistency
from ga2mm.experimental.joint_softmax import JointSoftmax
from ga2mm.experimental.margin import Margin
from ga2mm.experimental.temporal_transformer import TemporalTransformer

__all__ = [
    'ClassGuidedAttention',
    'DistributionConsistency',
    'JointSoftmax',
    'Margin',
    'TemporalTransformer',
]
