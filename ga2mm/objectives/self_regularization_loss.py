"""A regularization of prompted text features towards the frozen CLIP."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.objectives.objective import BatchFeatures, Objective
from ga2mm.registry import MODELS
from ga2mm.utils import cosines


@MODELS.register_module()
class SelfRegularizationLoss(Objective):
    """A distance between the prompted text features t and the frozen CLIP's t* of the same classes.

    ``weight`` times, by ``form``:

    - ``'l1'``: ``mean |t - t*|`` over clips, classes and the entries of the features, as in PromptSRC
      (arXiv 2307.06948). It decreases with embed_dim: PromptSRC's released weight is 25.
    - ``'cosine'``: ``mean (1 - cos(t, t*))`` over clips and classes, from 0 to 2.
    - ``'kl'``: ``mean over clips of KL(softmax(s v · t*) || softmax(s v · t))``, in nats, softmax over the
      classes, with the feature v of a clip of the batch and the logit scale s. Text features may change as
      long as the predictions for the clips do not.

    Only the text prompts get gradient: the clips and the frozen texts get none. Source: the aim is in the
    abstract of arXiv 2509.05949.

    Args:
        form: ``'l1'``, ``'cosine'`` or ``'kl'``. Design choice: the paper does not state it.
        weight: Factor of the loss. Design choice: the paper does not state it.

    Raises:
        ValueError: ``form`` is invalid.
    """

    uses = ('classes', 'frozen_classes', 'clips', 'logit_scale')

    def __init__(self, form: str = 'l1', weight: float = 1.0) -> None:
        super().__init__(weight)
        if form not in ('l1', 'cosine', 'kl'):
            raise ValueError(f"SelfRegularizationLoss has form={form!r}: give 'l1', 'cosine' or 'kl'")
        self.form = form

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the loss, a scalar of 0 or more."""
        classes, frozen_classes = features.classes, features.frozen_classes.detach()
        if self.form == 'l1':
            return (classes - frozen_classes).abs().mean()
        if self.form == 'cosine':
            return (1 - F.cosine_similarity(classes, frozen_classes, dim=-1)).mean()
        clips = features.clips.detach()
        return F.kl_div(
            (features.logit_scale * cosines(clips, classes)).log_softmax(dim=-1),
            (features.logit_scale * cosines(clips, frozen_classes)).log_softmax(dim=-1),
            reduction='batchmean',
            log_target=True,
        )
