"""Vision prompts projected from text prompts, as in MaPLe."""

from collections.abc import Callable, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from ga2mm.registry import MODELS


@MODELS.register_module()
class ProjectedPrompt(BaseModule):
    """Vision prompts that are linear maps of the text prompts of the same layers: MaPLe (arXiv 2210.03117).

    Each layer has its own map. It maps the prompts that enter the text tower, so with
    :class:`HardPromptCoupling` the hard prompt also affects the vision prompts. Source: the released code.
    Design choices: the maps are initialised independently, not as copies of one map, and each tower draws its
    own dropout of a coupled prompt.

    Args:
        width: Width of the vision tower's tokens. Given by the model.
        layers: Number of layers of the vision tower. Given by the model.
        text_width: Width of the text tower's tokens. Given by the model.
        text_depth: Number of layers that have text prompts shared by all clips and classes. Given by the
            model.
        text_prompts: Gives these prompts after the coupling. Given by the model.

    Raises:
        ValueError: There are no text prompts to map, or they have more layers than the vision tower.
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
                'vision_prompt maps text prompts that all clips and classes share, but there are none: '
                'set text_prompt to a DeepPrompt of depth 1 or more'
            )
        if text_depth > layers:
            raise ValueError(
                f'vision_prompt maps the text prompts of {text_depth} layers to a vision tower of {layers}: '
                f'set text_prompt.depth to 1 to {layers}'
            )
        self.projections = nn.ModuleList(nn.Linear(text_width, width) for _ in range(text_depth))

        self.text_prompts = text_prompts

    def forward(self) -> list[Tensor]:
        """Give the vision prompts, a tensor (length, width) for each layer with text prompts."""
        pairs = zip(self.projections, self.text_prompts(), strict=True)
        return [projection(prompt) for projection, prompt in pairs]
