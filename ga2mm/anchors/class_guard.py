"""Detection of anchor classes that are also target classes."""

import re
from collections.abc import Sequence
from typing import Any

from ga2mm.datasets.similar_classes import similar_classes
from ga2mm.registry import MODELS

TEMPLATE = 'a video of a person {}.'
"""Template of the class names for CLIP; the default of ``CoupledPromptHead``."""

CLIP_SIMILARITY = 0.95
"""Lowest cosine between the text features of names that mean the same. Design choice, not measured on a real
CLIP; the common template already makes all names similar."""


def classes_of_like_name(classes: Sequence[str], target_classes: Sequence[str]) -> dict[str, str]:
    """Find anchor classes that are spelt like a target class.

    Args:
        classes: Class names of the anchors.
        target_classes: Class names of the target.

    Returns:
        The reason for each class: the most similar target class and the similarity.
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
    classes: Sequence[str], target_classes: Sequence[str], clip: dict[str, Any]
) -> dict[str, str]:
    """Find anchor classes whose CLIP text features are close to those of a target class.

    Args:
        classes: Class names of the anchors.
        target_classes: Class names of the target.
        clip: Config of the CLIP; the model is not kept.

    Returns:
        The reason for each class: the most similar target class and the cosine.
    """
    if not classes:
        return {}
    texts = [TEMPLATE.format(_in_words(name)) for name in (*classes, *target_classes)]
    features = MODELS.build(clip).frozen_text_features(texts)
    cosines, places = (features[: len(classes)] @ features[len(classes) :].t()).max(dim=1)
    return {
        name: f"it resembles class '{target_classes[place]}' of the target (CLIP's cosine: {cosine:.3f})"
        for name, cosine, place in zip(classes, cosines.tolist(), places.tolist(), strict=True)
        if cosine >= CLIP_SIMILARITY
    }


def _in_words(name: str) -> str:
    """Split ``ApplyEyeMakeup`` into ``Apply Eye Makeup``, since CLIP tokenises the two differently."""
    return re.sub('(?<=[a-z])(?=[A-Z])', ' ', name).replace('_', ' ')
