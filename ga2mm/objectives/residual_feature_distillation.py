"""Distillation of frozen CLIP features through learnt residual networks, as in FROSTER."""

from torch import Tensor, nn

from ga2mm.objectives.objective import BatchFeatures, Objective, TuningSetup
from ga2mm.registry import MODELS


@MODELS.register_module()
class ResidualFeatureDistillation(Objective):
    """Distillation of the frozen CLIP on labelled clips and classes, through residual networks; no anchors.

    ``mean over clips of |r_video(clip) - frozen_clip|² +
    mean over classes of |r_text(class) - frozen_class|²``
    with ``r(f) = f + alpha · W2 gelu(W1 f)``, one network per tower. W2 is initialised to zero, so training
    starts as plain distillation. Logits are computed from f.

    Both towers and both networks get gradient; the frozen features get none. With a conditional text prompt
    class features depend on the clip. Source: FROSTER (arXiv 2402.03241), with size and initialisation of the
    networks from its released code. That code has 1 - cosine instead of the squared distance, with weight 2,
    which equals our weight 1 for vectors of unit length, as at the start. It distils each frame; we distil
    the mean over a clip's frames.

    Args:
        weight: Factor of the loss.
        alpha: Factor of the residual.
        embed_dim: Number of dimensions of the features, also of the hidden layers. Given by the model.
    """

    uses = ('clips', 'classes', 'frozen_clips', 'frozen_classes')

    def __init__(self, weight: float = 1.0, alpha: float = 0.1, *, embed_dim: int) -> None:
        super().__init__(weight)
        self.alpha = alpha
        self.video_residual, self.text_residual = _residual(embed_dim), _residual(embed_dim)

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient: each term needs a tower that learns."""
        if not setup.learns:
            return ['has no gradient: neither tower has prompts or is tuned']
        reasons = []
        if not setup.text_learns:
            reasons.append('has no gradient in its term over classes: the text tower has no prompts')
        if not setup.vision_learns:
            reasons.append('has no gradient in its term over clips: the vision tower has no prompts')
        return reasons

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the sum of both terms, a scalar of 0 or more."""
        clips = features.clips + self.alpha * self.video_residual(features.clips)
        classes = features.classes + self.alpha * self.text_residual(features.classes)
        return _squared_distance(clips, features.frozen_clips) + _squared_distance(
            classes, features.frozen_classes
        )


def _residual(embed_dim: int) -> nn.Sequential:
    first, last = (nn.Linear(embed_dim, embed_dim, bias=False) for _ in range(2))
    nn.init.kaiming_normal_(first.weight)
    nn.init.zeros_(last.weight)
    return nn.Sequential(first, nn.GELU(), last)


def _squared_distance(found: Tensor, frozen: Tensor) -> Tensor:
    return (found - frozen.detach()).square().sum(dim=-1).mean()
