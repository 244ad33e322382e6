"""Vision prompts made from text prompts, as in MaPLe."""

from collections.abc import Callable, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from ga2mm.registry import MODELS


@MODELS.register_module()
class ProjectedPrompt(BaseModule):
    """Vision prompts that are linear maps of the text prompts of the same layers: MaPLe (arXiv 2210.03117).

    Each layer has a map of its own. What is mapped is what enters the text tower, so with
    :class:`HardPromptCoupling` the hard prompt reaches the vision tower too. Source: the released code; that
    the maps start apart instead of as copies of one, and that each tower draws its own dropout of a coupled
    prompt, are design choices.

    Args:
        width: Width of the vision tower's tokens. Given by the model.
        layers: Number of layers of the vision tower. Given by the model.
        text_width: Width of the text tower's tokens. Given by the model.
        text_depth: Number of layers that have text prompts shared by all clips and classes. Given by the
            model.
        text_prompts: Gives these prompts, coupled. Given by the model.

    Raises:
        ValueError: There are no text prompts to map, or of more layers than the vision tower has layers.
    """

    def __init__(
        self,
        *,
        width: int,
        layers: int,
        text_width: int,
        text_depth: int,
        text_prompts: Callable[[], Sequence[Tensor]],
    ) -> None:
        super().__init__()
        if text_depth == 0:
            raise ValueError(
                'vision_prompt maps text prompts, and there are none that all clips and classes share: set '
                'text_prompt to a DeepPrompt of depth 1 or more'
            )
        if text_depth > layers:
            raise ValueError(
                f'vision_prompt maps the text prompts of {text_depth} layers to a vision tower of {layers}: '
                f'set text_prompt.depth to 1 to {layers}'
            )
        self.projections = nn.ModuleList(nn.Linear(text_width, width) for _ in range(text_depth))

        self.text_prompts = text_prompts

    def forward(self) -> list[Tensor]:
        """Give the vision prompts, a tensor (length, width) for each layer that has text prompts."""
        pairs = zip(self.projections, self.text_prompts(), strict=True)
        return [projection(prompt) for projection, prompt in pairs]
