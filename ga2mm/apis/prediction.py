"""Predictions of a recognizer, ranked by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from mmengine.dataset import pseudo_collate

from ga2mm.models import CLIPRecognizer
from ga2mm.structures import get_scores

NONE_OF_THESE = 'none of these'
"""Label of a video that is rejected."""


@dataclass(frozen=True)
class Prediction:
    """Classes of a video or of a part of it.

    Attributes:
        video: The file or the name of the video.
        label: The most probable class, or ``NONE_OF_THESE``; None for an unreadable video.
        top: Pairs of class and probability, the most probable first; also if the video is rejected.
        labels: All classes of the video. With independent probabilities, those of 0.5 or more.
        max_logit: Largest logit of the classes.
        start: Begin in seconds; None for a whole video.
        end: End in seconds.
        problem: Why the video cannot be read, or what of it is damaged; None without a problem.
    """

    video: str
    label: str | None = None
    top: tuple[tuple[str, float], ...] = ()
    labels: tuple[str, ...] = ()
    max_logit: float | None = None
    start: float | None = None
    end: float | None = None
    problem: str | None = None

    @property
    def probability(self) -> float | None:
        """The probability of ``label``; None if no class has been given."""
        return self.top[0][1] if self.top and self.label == self.top[0][0] else None

    def to_dict(self) -> dict[str, Any]:
        """Give the values for JSON; ``start`` and ``end`` only of a part of a video."""
        found = dict(
            video=self.video,
            start=self.start,
            end=self.end,
            label=self.label,
            probability=self.probability,
            labels=list(self.labels),
            top=[dict(label=label, probability=probability) for label, probability in self.top],
            max_logit=self.max_logit,
            problem=self.problem,
        )
        return {
            key: value for key, value in found.items() if value is not None or key not in ('start', 'end')
        }


@torch.no_grad()
def predict_items(model: CLIPRecognizer, items: Sequence[dict[str, Any]]) -> list[ActionDataSample]:
    """Predict a batch with the current classes.

    Args:
        model: The recognizer.
        items: Items with ``inputs`` and ``data_samples``.

    Returns:
        The samples as ``test_step`` gives them, and with ``logits`` (classes,), the mean over clips and
        crops.

    Raises:
        ValueError: The scores are NaN or infinite.
    """
    batch = model.data_preprocessor(pseudo_collate(items), training=False)
    logits, _ = model.extract_feat(batch['inputs'], stage='head')
    samples = model.cls_head.predict_by_feat(logits, batch['data_samples'])
    for sample, mean in zip(samples, logits.unflatten(0, (len(samples), -1)).mean(dim=1), strict=True):
        sample.set_field(mean, 'logits')
    return samples


def rank(
    sample: ActionDataSample,
    class_names: Sequence[str],
    name: str,
    top: int = 5,
    none_below: float | None = None,
    several: bool = False,
    **more: Any,
) -> Prediction:
    """Rank the classes of a sample.

    Design choice: independent probabilities of several labels are ``sigmoid(logit - none_below)``, the
    softmax of a class against irrelevant videos, whose level the threshold is. A class of 0.5 or more is a
    label, so that a video without labels is the one that is rejected.

    Args:
        sample: Output of :func:`predict_items`.
        class_names: The classes.
        name: Name of the video.
        top: Number of classes to give.
        none_below: Threshold of :func:`~ga2mm.calibrate_threshold`; None to reject no video.
        several: Whether probabilities are independent, so that a video has several labels or none.
        **more: Further attributes of the prediction.

    Raises:
        ValueError: Probabilities are to be independent, and there is no threshold.
    """
    scores, logits = get_scores(sample).float(), sample.logits.float()
    if several and none_below is None:
        raise ValueError(
            'several labels at once need the level of irrelevant videos: give such videos, with '
            '`ga2mm predict` as --anchors FOLDER'
        )
    if several:
        scores = torch.sigmoid(logits - none_below)
    order = (logits if several else scores).argsort(descending=True, stable=True).tolist()
    names = [class_names[place] for place in order]
    # The clips of a video are averaged in two ways, so that the order of scores and logits may differ.
    if several:
        labels = [class_names[place] for place in order if float(logits[place]) > none_below]
    else:
        labels = names[:1] if none_below is None or float(sample.max_logit) > none_below else []
    return Prediction(
        video=name,
        label=labels[0] if labels else NONE_OF_THESE,
        top=tuple((class_names[place], float(scores[place])) for place in order[:top]),
        labels=tuple(labels),
        max_logit=float(sample.max_logit),
        **more,
    )
