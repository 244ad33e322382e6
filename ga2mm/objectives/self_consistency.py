"""Training clips and class texts keep their place in the frozen CLIP's space."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import MODELS
from ga2mm.utils import cosines


@MODELS.register_module()
class SelfConsistency(Objective):
    """What the prompts do to labelled clips and classes is held to the frozen CLIP; needs no anchors.

    ``text_weight · mean |class - frozen_class| + video_weight · mean |clip - frozen_clip| +
    logits_weight · mean of p_frozen · log(p_frozen / p)``, where p is the softmax over the classes of a
    clip's logits and p_frozen that of the frozen CLIP. Each mean is over all entries of its matrix:
    (classes, embed_dim), (clips, embed_dim), (clips, classes). So the last term is
    ``KL(p_frozen || p) / classes``.

    The first term reaches the text prompts, the second the vision prompts, the third both; the frozen side
    gets no gradient. With a conditional text prompt each clip has classes of its own. Source: the
    self-consistency loss of PromptSRC (arXiv 2307.06948), with the L1 distance, the means and the weights of
    its released code. The many templates of its frozen classes go into ``cls_head.template``; its weighted
    mean of the prompts over epochs is :class:`~ga2mm.engine.GaussianAverageHook`.

    Args:
        weight: Factor of the whole loss.
        text_weight: Factor of the term over classes.
        video_weight: Factor of the term over clips.
        logits_weight: Factor of the term over logits.
    """

    uses = ('clips', 'classes', 'logit_scale', 'frozen_clips', 'frozen_classes')

    def __init__(
        self,
        weight: float = 1.0,
        text_weight: float = 25.0,
        video_weight: float = 10.0,
        logits_weight: float = 1.0,
    ) -> None:
        super().__init__(weight)
        self.text_weight = text_weight
        self.video_weight = video_weight
        self.logits_weight = logits_weight

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """The terms over features need prompts in their tower, that over logits a choice."""
        if not (self.text_weight or self.video_weight or self.logits_weight):
            return ['has no gradient: the weights of its three terms are 0']
        if not setup.learns:
            return ['has no gradient: neither tower has prompts']
        reasons = []
        if self.text_weight and not setup.text_learns:
            reasons.append('has no gradient in its term over classes: the text tower has no prompts')
        if self.video_weight and not setup.vision_learns:
            reasons.append('has no gradient in its term over clips: the vision tower has no prompts')
        if self.logits_weight and setup.num_classes == 1:
            reasons.append('has no gradient in its term over logits: there is only one class')
        return reasons

    def forward(self, features: BatchFeatures) -> Tensor:
        """The sum of the three terms, a scalar of 0 or more."""
        logits = features.logit_scale * cosines(features.clips, features.classes)
        frozen_logits = features.logit_scale * cosines(features.frozen_clips, features.frozen_classes)
        divergence = F.kl_div(
            logits.log_softmax(dim=-1),
            frozen_logits.log_softmax(dim=-1).detach(),
            reduction='mean',
            log_target=True,
        )
        return (
            self.text_weight * (features.classes - features.frozen_classes.detach()).abs().mean()
            + self.video_weight * F.l1_loss(features.clips, features.frozen_clips.detach())
            + self.logits_weight * divergence
        )
