"""Ideas that our own measurements do not support, one a file. Configs name them like any other component.

On the miniature world, harmonic mean of base and novel accuracy against what the package does by default:

===========================  ======================================================================
``DistributionConsistency``  anchor strategy; no gain over ``FeatureConsistency`` on validation draws
``JointSoftmax``             anchor strategy; no gain, and none in telling unknown videos from known ones
``Margin``                   anchor strategy; no gain, and none in telling unknown videos from known ones
``ClassGuidedAttention``     temporal model; 3.7 points below the mean over frames
``TemporalTransformer``      temporal model; 42.4 points below the mean over frames, 6.5 at a lower rate
===========================  ======================================================================

The tables with intervals: ``anchors_validation.md``, ``unknown_videos.md`` and ``temporal_validation.md`` in
``docs/experiments``. Nothing here was measured on real data.

A temporal model maps ``frame_features`` (clips, T, embed_dim), not normalised, and ``class_features``
(classes, embed_dim), of unit length, to unit features: (clips, embed_dim), or (clips, classes, embed_dim)
where the classes guide it. A keyword-only argument ``embed_dim`` of its constructor is given by the model.
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
