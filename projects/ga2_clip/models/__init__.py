"""The classes of the package ga2mm that the configs use; importing them registers them."""

from ga2mm.anchors import AnchorBatchSampler, AnchorDataset, AnchorVideoDataset
from ga2mm.models import (
    CLIPRecognizer,
    CoupledPromptHead,
    DeepPrompt,
    HardPromptCoupling,
    OpenCLIP,
)
from ga2mm.objectives import FeatureConsistency

__all__ = [
    'AnchorBatchSampler', 'AnchorDataset', 'AnchorVideoDataset',
    'CLIPRecognizer', 'CoupledPromptHead', 'DeepPrompt', 'FeatureConsistency',
    'HardPromptCoupling', 'OpenCLIP'
]
