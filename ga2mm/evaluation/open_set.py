"""How well scores tell videos of the known classes from irrelevant ones."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve


def auroc(known: Sequence[float], irrelevant: Sequence[float]) -> float:
    """Area under the ROC curve, 0 to 1: the probability that a known video scores above an irrelevant one.

    Args:
        known: Scores of videos of the known classes, higher for more certainly known.
        irrelevant: Scores of irrelevant videos.

    Raises:
        ValueError: There are no scores of a kind, or one is not a finite number.
    """
    return float(roc_auc_score(*_labels_and_scores(known, irrelevant)))


def fpr_at_tpr(known: Sequence[float], irrelevant: Sequence[float], tpr: float = 0.95) -> float:
    """Share of irrelevant videos accepted at the highest threshold that accepts a share of the known ones.

    A video is accepted if its score is the threshold or more. With ``tpr=0.95`` this is the field's FPR95.

    Args:
        known: Scores of videos of the known classes, higher for more certainly known.
        irrelevant: Scores of irrelevant videos.
        tpr: Least share of the known videos to accept, above 0 and up to 1.

    Raises:
        ValueError: There are no scores of a kind, one is not a finite number, or ``tpr`` is out of range.
    """
    if not 0 < tpr <= 1:
        raise ValueError(f'tpr={tpr}; give a share above 0 and up to 1, such as 0.95')
    # Points that no optimal threshold needs would be dropped, and with them the very threshold looked for.
    accepted, found, _ = roc_curve(*_labels_and_scores(known, irrelevant), drop_intermediate=False)
    return float(accepted[np.argmax(found >= tpr)])


def _labels_and_scores(known: Sequence[float], irrelevant: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """1 for each known video and 0 for each irrelevant one, and all their scores."""
    for name, scores in (('known', known), ('irrelevant', irrelevant)):
        if len(scores) == 0:
            raise ValueError(f'there is no score of {name} videos: give one or more')
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            raise ValueError(
                f'score {bad[0]} of the {name} videos is {scores[bad[0]]} ({len(bad)} of {len(scores)} are '
                'no finite numbers): leave out videos without a score'
            )
    labels = np.repeat([1, 0], [len(known), len(irrelevant)])
    return labels, np.concatenate([known, irrelevant])
