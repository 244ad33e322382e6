"""Text features with prompts stay close to those without."""

import torch.nn.functional as F
from torch import Tensor, nn

from ga2mm.registry import MODELS


@MODELS.register_module()
class SelfRegularizationLoss(nn.Module):
    """A constraint between the prompted text features t and the frozen CLIP's t* of the same classes.

    ``loss_weight`` times, by ``form``:

    - ``'l1'``: ``mean |t - t*|`` over clips, classes and the entries of the features, as in PromptSRC
      (arXiv 2307.06948). It falls with embed_dim: PromptSRC's released weight is 25.
    - ``'cosine'``: ``mean (1 - cos(t, t*))`` over clips and classes, from 0 to 2.
    - ``'kl'``: ``mean over clips of KL(softmax(s v · t*) || softmax(s v · t))``, in nats, softmax over the
      classes, with the feature v of a clip of the batch and the logit scale s. The classes may move as long
      as each clip is taken for the same.

    It reaches the text prompts alone: the videos and the frozen texts get no gradient. Source: the aim is in
    the abstract of arXiv 2509.05949; the forms are a design choice, the abstract does not say.

    Args:
        form: ``'l1'``, ``'cosine'`` or ``'kl'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: ``form`` is none of these.
    """

    def __init__(self, form: str = 'l1', loss_weight: float = 1.0) -> None:
        super().__init__()
        if form not in ('l1', 'cosine', 'kl'):
            raise ValueError(f"SelfRegularizationLoss has form={form!r}: give 'l1', 'cosine' or 'kl'")
        self.form = form
        self.loss_weight = loss_weight

    def forward(self, texts: Tensor, frozen_texts: Tensor, videos: Tensor, logit_scale: Tensor) -> Tensor:
        """The loss, a scalar of 0 or more.

        Args:
            texts: Prompted unit features of the classes, (C, D), or (B, C, D) with the prompts of each clip.
            frozen_texts: Unit features (C, D) of the same classes without prompts.
            videos: Unit features (B, D) of the clips. Only ``'kl'`` looks at them.
            logit_scale: The scale of the logits, a scalar. Only ``'kl'`` looks at it.
        """
        frozen_texts = frozen_texts.detach()
        if self.form == 'l1':
            loss = (texts - frozen_texts).abs().mean()
        elif self.form == 'cosine':
            loss = (1 - F.cosine_similarity(texts, frozen_texts, dim=-1)).mean()
        else:
            videos = logit_scale * videos.detach().unsqueeze(-1)
            loss = F.kl_div(
                (texts @ videos).squeeze(-1).log_softmax(dim=-1),
                (frozen_texts @ videos).squeeze(-1).log_softmax(dim=-1),
                reduction='batchmean',
                log_target=True,
            )
        return self.loss_weight * loss
