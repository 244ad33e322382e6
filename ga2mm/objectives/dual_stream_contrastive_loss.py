"""A contrastive loss of clips and texts in both directions."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective
from ga2mm.registry import MODELS
from ga2mm.utils import cosines


@MODELS.register_module()
class DualStreamContrastiveLoss(Objective):
    """Contrastive alignment of clips with all class texts, and of class texts with the clips of the batch.

    ``weight · (clip_to_text + text_to_clip) / 2`` with ::

        clip_to_text = - mean over i of log(exp(s v[i]·u[i]) / sum over c of exp(s v[i]·t[i, c]))
        text_to_clip = - mean over i of the mean over j in P[i] of
                         log(exp(s u[i]·v[j]) / sum over k of exp(s u[i]·v[k]))

    where i, j and k are clips of the batch and c is a class. v[i] is the feature of clip i, t[i, c] the
    feature of class c with the prompts of clip i (t[c] if they do not depend on the clip), u[i] = t[i, y[i]]
    the feature of the clip's own class y[i], P[i] the clips of class y[i] including i, and s the logit scale.

    The loss aligns the text that carries the visual information of a clip with the clips of its class,
    against the other clips of the batch. With several clips per class the second direction cannot reach 0:
    its minimum is the mean of log |P[i]|. The first direction equals the cross-entropy of a head with
    ``CrossEntropyLoss``, whose total weight is thus 1 + ``weight`` / 2. In distributed training the batch is
    that of one process.

    Source: the name and the aim are in the abstract of arXiv 2509.05949. Design choice: the formula, which
    the abstract does not state, is that of CLIP (arXiv 2103.00020) with several positives as in supervised
    contrastive learning (arXiv 2004.11362, the sum outside of the logarithm).

    Args:
        weight: Factor of the loss. The default is a design choice: the paper does not state it.
    """

    uses = ('clips', 'classes', 'labels', 'logit_scale')

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the loss, a scalar of 0 or more."""
        clips, classes, labels = features.clips, features.classes, features.labels
        numbers = torch.arange(len(clips), device=clips.device)
        own_texts = classes.expand(len(clips), *classes.shape[-2:])[numbers, labels]
        log_probs = (features.logit_scale * own_texts @ clips.t()).log_softmax(dim=-1)
        positives = labels[:, None] == labels
        text_to_clip = -(log_probs * positives).sum(dim=-1) / positives.sum(dim=-1)
        clip_to_text = F.cross_entropy(features.logit_scale * cosines(clips, classes), labels)
        return (clip_to_text + text_to_clip.mean()) / 2
