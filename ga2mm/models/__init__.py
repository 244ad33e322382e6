"""Everything that ``MODELS`` builds."""

from ga2mm.models.clip import OpenCLIP
from ga2mm.models.heads import CoupledPromptHead
from ga2mm.models.losses import CosineConsistencyLoss
from ga2mm.models.prompts import (
    ConditionalPrompt,
    ContextPrompt,
    CoupledPrompt,
    DeepPrompt,
    ProjectedPrompt,
)
from ga2mm.models.recognizers import CLIPRecognizer
from ga2mm.models.temporal import ClassGuidedAttention, TemporalTransformer

__all__ = [
    'CLIPRecognizer',
    'ConditionalPrompt',
    'ContextPrompt',
    'ClassGuidedAttention',
    'CosineConsistencyLoss',
    'CoupledPrompt',
    'CoupledPromptHead',
    'DeepPrompt',
    'OpenCLIP',
    'ProjectedPrompt',
    'TemporalTransformer',
]
