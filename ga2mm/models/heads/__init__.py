"""Classification heads."""

from ga2mm.models.heads.coupled_prompt_head import CoupledPromptHead

__all__ = ['CoupledPromptHead']
