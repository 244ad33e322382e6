"""Access to the labels and scores of data samples in both MMAction2 versions.

MMAction2 1.1 stores them in ``LabelData`` (``gt_labels.item``, ``pred_scores.item``), 1.2 as plain
tensors (``gt_label``, ``pred_score``). No other module depends on these names.
"""

from typing import Any

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

PLAIN_LABELS = hasattr(ActionDataSample, 'set_gt_label')
"""True with MMAction2 1.2, whose data samples hold labels as plain tensors."""


def get_gt_label(sample: ActionDataSample) -> Tensor:
    """Give the label of a sample, a long tensor of shape (1,)."""
    return sample.gt_label if PLAIN_LABELS else sample.gt_labels.item


def set_gt_label(sample: ActionDataSample, label: int) -> None:
    """Set the label of a sample."""
    if PLAIN_LABELS:
        sample.set_gt_label(label)
    else:
        sample.set_gt_labels(label)


def get_scores(sample: ActionDataSample) -> Tensor:
    """Give the predicted scores of a sample, a float tensor of shape (classes,)."""
    return sample.pred_score if PLAIN_LABELS else sample.pred_scores.item


def set_scores(sample: ActionDataSample, scores: Tensor) -> None:
    """Set the predicted scores of a sample, of shape (classes,), and the predicted label that they give."""
    label = scores.argmax(dim=-1, keepdim=True)
    if PLAIN_LABELS:
        sample.set_field(scores, 'pred_score')
        sample.set_field(label, 'pred_label')
    else:
        from mmengine.structures import LabelData

        sample.pred_scores = LabelData(item=scores)
        sample.pred_labels = LabelData(item=label)


def scores_and_label(sample: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Give scores (classes,) and label (1,) of a sample in the dict form that metrics receive."""
    if PLAIN_LABELS:
        return sample['pred_score'], sample['gt_label']
    return sample['pred_scores']['item'], sample['gt_labels']['item']


def stack_gt_labels(samples: list[ActionDataSample]) -> Tensor:
    """Stack the labels of a batch into one long tensor of shape (batch,)."""
    return torch.cat([get_gt_label(sample) for sample in samples])
