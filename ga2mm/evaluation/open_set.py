"""Open-set metrics: how well scores separate videos of known classes from irrelevant videos."""

from collections.abc import Sequence

import numpy as np


def auroc(known: Sequence[float], irrelevant: Sequence[float]) -> float:
    """Compute the area under the ROC curve, 0 to 1.

    It is the probability that a known video scores above an irrelevant one.

    Args:
        known: Scores of videos of known classes; a higher score means more likely known.
        irrelevant: Scores of irrelevant videos.

    Raises:
        ValueError: A sequence is empty, or a score is not a finite number.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_labels_and_scores(known, irrelevant)))


def fpr_at_tpr(known: Sequence[float], irrelevant: Sequence[float], tpr: float = 0.95) -> float:
    """Compute the false positive rate at a true positive rate; ``tpr=0.95`` gives FPR95.

    It is the share of irrelevant videos that score at or above the highest threshold which accepts the
    share ``tpr`` of the known videos.

    Args:
        known: Scores of videos of known classes; a higher score means more likely known.
        irrelevant: Scores of irrelevant videos.
        tpr: Lowest share of the known videos to accept, above 0 and up to 1.

    Raises:
        ValueError: A sequence is empty, a score is not a finite number, or ``tpr`` is out of range.
    """
    from sklearn.metrics import roc_curve

    if not 0 < tpr <= 1:
        raise ValueError(f'tpr={tpr}; give a share above 0 and up to 1, such as 0.95')
    # drop_intermediate=True would drop suboptimal points, and perhaps the required threshold.
    accepted, found, _ = roc_curve(*_labels_and_scores(known, irrelevant), drop_intermediate=False)
    return float(accepted[np.argmax(found >= tpr)])


def _labels_and_scores(known: Sequence[float], irrelevant: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Give the labels (1 for known, 0 for irrelevant videos) and the scores of all videos."""
    for name, scores in (('known', known), ('irrelevant', irrelevant)):
        if len(scores) == 0:
            raise ValueError(f'there are no scores of {name} videos: give one or more')
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            raise ValueError(
                f'score {bad[0]} of the {name} videos is {scores[bad[0]]} ({len(bad)} of {len(scores)} are '
                'not finite): leave out videos without a score'
            )
    labels = np.repeat([1, 0], [len(known), len(irrelevant)])
    return labels, np.concatenate([known, irrelevant])
