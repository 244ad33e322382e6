"""Prompt learners, one a file: which tokens enter which layer of a tower."""

from ga2mm.models.prompts.coupled_prompt import CoupledPrompt
from ga2mm.models.prompts.deep_prompt import DeepPrompt

__all__ = ['CoupledPrompt', 'DeepPrompt']
