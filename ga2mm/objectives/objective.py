"""The interface of losses and anchor strategies."""

from dataclasses import dataclass
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor


@dataclass
class BatchFeatures:
    """The features of a training batch that objectives can use.

    All features have unit length and are float32. *Prompted* features have a gradient with respect to the
    prompts of their tower, and to the tower itself if the CLIP is tuned. *Frozen* features come from the CLIP
    without prompts, with its initial weights, and have no gradient. An entry that may be None is computed
    only if an objective names it in ``uses``.

    Attributes:
        clips: Labelled clips, prompted, the mean over their frames, (clips, embed_dim).
        classes: Classes, prompted, (classes, embed_dim); (clips, classes, embed_dim) if the text prompts
            depend on the clip.
        labels: Classes of the labelled clips, integers from 0, (clips,).
        logits: Logits of the labelled clips, (clips, classes).
        logit_scale: Scale of the logits, a scalar.
        condition: Output of :meth:`~ga2mm.models.prompts.PromptLearner.condition` for labelled and anchor
            clips together.
        videos: Anchor videos, prompted, (anchors, embed_dim), or None.
        video_classes: Classes with the prompts of the anchor videos, (classes, embed_dim) or (anchors,
            classes, embed_dim), or None.
        negatives: Negatives, frozen, (negatives, embed_dim), or None.
        prompted_negatives: Negatives, prompted, (negatives, embed_dim) or (anchors, negatives, embed_dim), or
            None.
        frozen_clips: Labelled clips, frozen, (clips, embed_dim), or None.
        frozen_classes: Classes, frozen, (classes, embed_dim), or None.
        frozen_videos: Anchor videos, frozen, (anchors, embed_dim), or None.
    """

    clips: Tensor
    classes: Tensor
    labels: Tensor
    logits: Tensor
    logit_scale: Tensor
    condition: Any = None
    videos: Tensor | None = None
    video_classes: Tensor | None = None
    negatives: Tensor | None = None
    prompted_negatives: Tensor | None = None
    frozen_clips: Tensor | None = None
    frozen_classes: Tensor | None = None
    frozen_videos: Tensor | None = None


ANCHOR_FEATURES = {'videos', 'video_classes', 'frozen_videos'}
"""Features that need anchor clips in the batch."""

NEGATIVE_FEATURES = {'negatives', 'prompted_negatives'}
"""Features that need negatives."""

FROZEN_FEATURES = {'negatives', 'frozen_clips', 'frozen_classes', 'frozen_videos'}
"""Features that need the frozen CLIP."""


@dataclass(frozen=True)
class TuningSetup:
    """The settings that decide whether an objective can have a gradient.

    Attributes:
        vision_learns: Whether the vision tower has prompts or is tuned.
        text_learns: Whether the text tower has prompts or is tuned.
        num_negatives: Number of negatives.
        num_classes: Number of classes; None if it is not known yet.
    """

    vision_learns: bool
    text_learns: bool
    num_negatives: int
    num_classes: int | None = None

    @property
    def learns(self) -> bool:
        """Whether any tower has prompts or is tuned."""
        return self.vision_learns or self.text_learns


class Objective(BaseModule):
    """A term of the training loss: :meth:`forward` maps the features of a batch to a scalar.

    Register an objective that uses anchors in ``ANCHOR_STRATEGIES`` and list it in
    ``model.anchors.strategies``; register any other objective in ``MODELS`` and list it in ``model.losses``.
    The model passes keyword-only arguments of the constructor: ``embed_dim``, the dimensions of the features.
    An objective may have parameters, which are learnt and saved but not used in testing.

    Attributes:
        uses: Names of the entries of :class:`BatchFeatures` that it reads. The first five are always present.

    Args:
        weight: Factor of the term.
    """

    uses: tuple[str, ...] = ()

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """List the terms without gradient in this setup, with reasons; empty if all terms have a gradient.

        Each entry continues the objective's name: ``'has no gradient: ...'``. The method is not called for
        an objective of weight 0.
        """
        return []

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the term without its weight, a scalar."""
        raise NotImplementedError
