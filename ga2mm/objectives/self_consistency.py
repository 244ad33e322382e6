"""Consistency of labelled clips and classes with their frozen CLIP features, as in PromptSRC."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import MODELS
from ga2mm.utils import cosines


@MODELS.register_module()
class SelfConsistency(Objective):
    """Distance of prompted features and logits from those of the frozen CLIP on labelled clips; no anchors.

    ``text_weight · mean |class - frozen_class| + video_weight · mean |clip - frozen_clip| +
    logits_weight · mean of p_frozen · log(p_frozen / p)``, where p is the softmax of a clip's logits over the
    classes and p_frozen that of the frozen CLIP. Each mean is over all entries of its matrix:
    (classes, embed_dim), (clips, embed_dim), (clips, classes). The last term is thus
    ``KL(p_frozen || p) / classes``.

    The first term has a gradient with respect to the text prompts, the second to the vision prompts, the
    third to both; the frozen features get none. With a conditional text prompt class features depend on the
    clip. Source: the self-consistency loss of PromptSRC (arXiv 2307.06948), with the L1 distance, the means
    and the weights of its released code. Set the templates of its frozen classes in ``cls_head.template``;
    its weighted mean of the prompts over epochs is :class:`~ga2mm.engine.GaussianAverageHook`.

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
        """List the terms without gradient: those over features need prompts, that over logits two classes."""
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
        """Give the sum of the three terms, a scalar of 0 or more."""
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
