"""Which classes of the anchors are also classes of the target."""

import re
from collections.abc import Sequence
from typing import Any

from ga2mm.datasets.similar_classes import similar_classes
from ga2mm.registry import MODELS

TEMPLATE = 'a video of a person {}.'
"""The sentence in which CLIP reads the names; the default of ``CoupledPromptHead``."""


def classes_of_like_name(classes: Sequence[str], target_classes: Sequence[str]) -> dict[str, str]:
    """Classes that are spelt like one of the target.

    Args:
        classes: Class names of the anchors.
        target_classes: Class names of the target.

    Returns:
        For each of these classes the reason: the most similar class of the target and the similarity.
    """
    closest: dict[str, tuple[float, str]] = {}
    for target, name, similarity in similar_classes(target_classes, classes):
        closest[name] = max(closest.get(name, (0.0, '')), (similarity, target))
    return {
        name: f"it {'is' if similarity == 1 else 'resembles'} class '{target}' of the target "
        f'(letters: {similarity:.2f})'
        for name, (similarity, target) in closest.items()
    }


def classes_of_like_meaning(
    classes: Sequence[str], target_classes: Sequence[str], clip: dict[str, Any], threshold: float
) -> dict[str, str]:
    """Classes whose names mean to CLIP what one of the target means.

    Args:
        classes: Class names of the anchors.
        target_classes: Class names of the target.
        clip: Config of the CLIP; it is not kept.
        threshold: Least cosine between text features at which names mean the same.

    Returns:
        For each of these classes the reason: the most similar class of the target and the cosine.
    """
    if not classes:
        return {}
    texts = [TEMPLATE.format(_in_words(name)) for name in (*classes, *target_classes)]
    features = MODELS.build(clip).frozen_text_features(texts)
    cosines, places = (features[: len(classes)] @ features[len(classes) :].t()).max(dim=1)
    return {
        name: f"it resembles class '{target_classes[place]}' of the target (CLIP's cosine: {cosine:.3f})"
        for name, cosine, place in zip(classes, cosines.tolist(), places.tolist(), strict=True)
        if cosine >= threshold
    }


def _in_words(name: str) -> str:
    """``ApplyEyeMakeup`` as ``Apply Eye Makeup``: CLIP reads the two differently."""
    return re.sub('(?<=[a-z])(?=[A-Z])', ' ', name).replace('_', ' ')
