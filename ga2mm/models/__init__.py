"""Everything that ``MODELS`` builds."""

from ga2mm.models.clip import OpenCLIP
from ga2mm.models.heads import CoupledPromptHead
from ga2mm.models.losses import CosineConsistencyLoss, DualStreamContrastiveLoss, SelfRegularizationLoss
from ga2mm.models.prompts import (
    AttributeRetrieval,
    ConditionalPrompt,
    ContextPrompt,
    DeepPrompt,
    HardPromptCoupling,
    ProjectedPrompt,
)
from ga2mm.models.recognizers import CLIPRecognizer
from ga2mm.models.temporal import ClassGuidedAttention, TemporalTransformer

__all__ = [
    'AttributeRetrieval',
    'CLIPRecognizer',
    'ClassGuidedAttention',
    'ConditionalPrompt',
    'ContextPrompt',
    'CosineConsistencyLoss',
    'CoupledPromptHead',
    'DeepPrompt',
    'DualStreamContrastiveLoss',
    'HardPromptCoupling',
    'OpenCLIP',
    'ProjectedPrompt',
    'SelfRegularizationLoss',
    'TemporalTransformer',
]
