"""The models that are registered in ``MODELS``."""

from ga2mm.models.clip import OpenCLIP
from ga2mm.models.data_preprocessor import ClipDataPreprocessor
from ga2mm.models.heads import CoupledPromptHead
from ga2mm.models.prompts import (
    AttributeRetrieval,
    ConditionalPrompt,
    ContextPrompt,
    DeepPrompt,
    HardPromptCoupling,
    ProjectedPrompt,
)
from ga2mm.models.recognizers import CLIPRecognizer
from ga2mm.models.text_encoder import TextEncoder
from ga2mm.models.video_encoder import VideoEncoder, VideoTokens

__all__ = [
    'AttributeRetrieval',
    'CLIPRecognizer',
    'ClipDataPreprocessor',
    'ConditionalPrompt',
    'ContextPrompt',
    'CoupledPromptHead',
    'DeepPrompt',
    'HardPromptCoupling',
    'OpenCLIP',
    'ProjectedPrompt',
    'TextEncoder',
    'VideoEncoder',
    'VideoTokens',
]
