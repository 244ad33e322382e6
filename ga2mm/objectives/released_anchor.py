"""The anchor term of the code released with GA2-CLIP."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES


@ANCHOR_STRATEGIES.register_module()
class ReleasedAnchor(Objective):
    """A shift of the logits of all labelled clips by the similarity of anchor videos to negatives.

    ``cross_entropy(logits + shift) - cross_entropy(logits)`` with ``shift_c = logit_scale · mean over anchors
    a of (video_a · negative_c)``, and either one negative for all classes or one negative per class. Together
    with :class:`ClassificationLoss` the sum is the cross-entropy of the shifted logits. Source: the code
    released with arXiv 2511.22125.

    **With a single negative, as in the released code, this term has no effect:** all classes of a clip get
    the same shift, softmax does not change, and loss and gradients equal those of training without anchors.
    With one negative per class the term tunes the vision prompts.

    The mean is over the anchors of one process. With one negative per class, N processes with M anchors each
    therefore differ slightly from one process with N · M anchors; all other strategies give the same result.

    Raises:
        ValueError: The number of negatives is neither 1 nor the number of classes.
    """

    uses = ('logits', 'labels', 'logit_scale', 'videos', 'negatives')

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient.

        One negative shifts all logits of a clip alike; without vision prompts the shift is constant.
        """
        if setup.num_negatives == 1:
            return [
                'has no gradient: with a single negative prompt it adds the same number to all logits of a '
                'clip, which softmax ignores; give one negative per class, or use FeatureConsistency'
            ]
        if not setup.vision_learns:
            return ['has no gradient through its shift: the vision tower has no prompts']
        return []

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the change of the cross-entropy by the shift, a scalar, in nats."""
        num_negatives, num_classes = len(features.negatives), features.logits.shape[-1]
        if num_negatives not in (1, num_classes):
            raise ValueError(
                f'ReleasedAnchor has {num_negatives} negatives for {num_classes} classes: give 1, or one '
                'for each class (config key model.anchors.negatives)'
            )
        shift = self.shift(features)
        shift = shift - shift.mean()  # softmax ignores a constant that is added to all classes
        shifted = F.cross_entropy(features.logits + shift, features.labels)
        return shifted - F.cross_entropy(features.logits, features.labels)

    def shift(self, features: BatchFeatures) -> Tensor:
        """Give the shift of the logits, (classes,) or (1,)."""
        return features.logit_scale * (features.videos @ features.negatives.t()).mean(dim=0)
