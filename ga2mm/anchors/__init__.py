"""Anchor data: sources of irrelevant videos, their sampler and negative prompts."""

from ga2mm.anchors.anchor_class_dataset import AnchorClassDataset
from ga2mm.anchors.anchor_dataset import AnchorDataset
from ga2mm.anchors.anchor_sampler import AnchorBatchSampler
from ga2mm.anchors.anchor_video_dataset import AnchorVideoDataset
from ga2mm.anchors.anchor_video_folder import AnchorVideoFolder
from ga2mm.anchors.curriculum_sampler import AnchorCurriculumSampler
from ga2mm.anchors.generated_anchors import GeneratedAnchors
from ga2mm.anchors.weighted_anchors import WeightedAnchors

__all__ = [
    'AnchorBatchSampler',
    'AnchorCurriculumSampler',
    'AnchorClassDataset',
    'AnchorDataset',
    'AnchorVideoDataset',
    'AnchorVideoFolder',
    'GeneratedAnchors',
    'WeightedAnchors',
]
