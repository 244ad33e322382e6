"""A loss that moves the keys of a prompt pool towards the cluster centres that retrieve them."""

from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective
from ga2mm.registry import MODELS


@MODELS.register_module()
class KeyLoss(Objective):
    """``mean(1 - cos(centre, key))`` over clips, text layers and retrieved prompts.

    It needs :class:`~ga2mm.models.AttributeRetrieval` as the text prompt learner. It has a gradient with
    respect to the keys that the clips of the batch retrieved. Source: the matching of keys in L2P (arXiv
    2112.08654). Design choice: adding this term to AttriPrompt.
    """

    uses = ('condition',)

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the mean, a scalar from 0 to 2.

        Raises:
            ValueError: The text prompt learner is not :class:`~ga2mm.models.AttributeRetrieval`.
        """
        similarities = getattr(features.condition, 'similarities', None)
        if similarities is None:
            raise ValueError(
                "model.losses: KeyLoss needs cls_head.text_prompt=dict(type='AttributeRetrieval'): give it, "
                'or leave the loss out'
            )
        return (1 - similarities).mean()
