"""Text features with prompts stay close to those without."""

import torch.nn.functional as F
from torch import Tensor

from ga2mm.models.losses.auxiliary_loss import AuxiliaryLoss
from ga2mm.registry import MODELS
from ga2mm.utils import cosines


@MODELS.register_module()
class SelfRegularizationLoss(AuxiliaryLoss):
    """A constraint between the prompted text features t and the frozen CLIP's t* of the same classes.

    ``loss_weight`` times, by ``form``:

    - ``'l1'``: ``mean |t - t*|`` over clips, classes and the entries of the features, as in PromptSRC
      (arXiv 2307.06948). It falls with embed_dim: PromptSRC's released weight is 25.
    - ``'cosine'``: ``mean (1 - cos(t, t*))`` over clips and classes, from 0 to 2.
    - ``'kl'``: ``mean over clips of KL(softmax(s v · t*) || softmax(s v · t))``, in nats, softmax over the
      classes, with the feature v of a clip of the batch and the logit scale s. The classes may move as long
      as each clip is taken for the same.

    It reaches the text prompts alone: the clips and the frozen texts get no gradient. Source: the aim is in
    the abstract of arXiv 2509.05949.

    Args:
        form: ``'l1'``, ``'cosine'`` or ``'kl'``. Design choice: the paper does not say.
        loss_weight: Factor of the loss. Design choice: the paper does not say.

    Raises:
        ValueError: ``form`` is none of these.
    """

    uses = ('classes', 'frozen_classes', 'clips', 'logit_scale')

    def __init__(self, form: str = 'l1', loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if form not in ('l1', 'cosine', 'kl'):
            raise ValueError(f"SelfRegularizationLoss has form={form!r}: give 'l1', 'cosine' or 'kl'")
        self.form = form

    def forward(self, classes: Tensor, frozen_classes: Tensor, clips: Tensor, logit_scale: Tensor) -> Tensor:
        """The loss, a scalar of 0 or more.

        Args:
            classes: Unit features of the classes with prompts, (C, D), or (B, C, D) with those of each clip.
            frozen_classes: Unit features (C, D) of the same classes without prompts.
            clips: Unit features (B, D) of the clips. Only ``'kl'`` looks at them.
            logit_scale: The scale of the logits, a scalar. Only ``'kl'`` looks at it.
        """
        frozen_classes = frozen_classes.detach()
        if self.form == 'l1':
            loss = (classes - frozen_classes).abs().mean()
        elif self.form == 'cosine':
            loss = (1 - F.cosine_similarity(classes, frozen_classes, dim=-1)).mean()
        else:
            clips = clips.detach()
            loss = F.kl_div(
                (logit_scale * cosines(clips, classes)).log_softmax(dim=-1),
                (logit_scale * cosines(clips, frozen_classes)).log_softmax(dim=-1),
                reduction='batchmean',
                log_target=True,
            )
        return self.loss_weight * loss
