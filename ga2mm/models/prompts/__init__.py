"""Prompt learners, one per file. A prompt learner gives the prompt tokens of each layer of a tower."""

from ga2mm.models.prompts.attribute_retrieval import AttributeRetrieval
from ga2mm.models.prompts.conditional_prompt import ConditionalPrompt
from ga2mm.models.prompts.context_prompt import ContextPrompt
from ga2mm.models.prompts.deep_prompt import DeepPrompt
from ga2mm.models.prompts.hard_prompt_coupling import HardPromptCoupling
from ga2mm.models.prompts.projected_prompt import ProjectedPrompt
from ga2mm.models.prompts.prompt_learner import PromptLearner

__all__ = [
    'AttributeRetrieval',
    'ConditionalPrompt',
    'ContextPrompt',
    'DeepPrompt',
    'HardPromptCoupling',
    'ProjectedPrompt',
    'PromptLearner',
]
