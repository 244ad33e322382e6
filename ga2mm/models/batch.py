"""A training batch, split into labelled clips and anchor clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from ga2mm.structures import stack_gt_labels


@dataclass
class TrainingBatch:
    """The clips of a training batch.

    Attributes:
        clips: Normalised frames (labelled clips + anchor clips, T, 3, H, W), labelled clips first.
        labels: Classes of the labelled clips, (labelled clips,), on the device of the samples.
        labelled_frames, anchor_frames: The frames of each video as they were loaded; empty if unknown.
    """

    clips: Tensor
    labels: Tensor
    labelled_frames: Sequence[Tensor] = ()
    anchor_frames: Sequence[Tensor] = ()


def split_batch(clips: Tensor, samples: Sequence[ActionDataSample]) -> TrainingBatch:
    """Put the labelled clips first, and give the clips with the labels.

    Args:
        clips: Normalised frames (B · M, T, 3, H, W), M clips and crops of each video.
        samples: Samples of the B videos.

    Raises:
        ValueError: All clips are anchors.
    """
    labelled = [sample for sample in samples if not sample.get('is_anchor', False)]
    if not labelled:
        raise ValueError('the batch has anchor clips only: give it labelled clips too')
    per_video = len(clips) // len(samples)
    is_anchor = torch.tensor([bool(sample.get('is_anchor', False)) for sample in samples])
    if is_anchor[: len(labelled)].any():  # our samplers put anchors last, which saves this copy
        order = is_anchor.repeat_interleave(per_video).argsort(stable=True)
        clips = clips[order.to(clips.device, non_blocking=True)]
    labels = stack_gt_labels(labelled).repeat_interleave(per_video)
    if not all('frames' in sample for sample in samples):
        return TrainingBatch(clips, labels)
    anchors = [sample.frames for sample in samples if sample.get('is_anchor', False)]
    return TrainingBatch(clips, labels, [sample.frames for sample in labelled], anchors)


def check_batch(batch: TrainingBatch, num_classes: int, use_anchors: bool) -> None:
    """Check anchors and labels; labels on the CPU wait for no device.

    Args:
        batch: The batch.
        num_classes: Number of classes of the head.
        use_anchors: Whether a strategy uses anchor clips.

    Raises:
        ValueError: Anchor clips and strategies disagree, or a label is not one of the classes.
    """
    anchors, labels = len(batch.clips) - len(batch.labels), batch.labels
    if anchors and not use_anchors:
        raise ValueError(
            'the batch has anchor clips but no strategy of model.anchors uses them: set model.anchors, '
            'or num_anchors of AnchorBatchSampler to 0'
        )
    if not anchors and use_anchors:
        raise ValueError(
            'model.anchors is set but the batch has no anchor clip: use AnchorDataset and '
            'AnchorBatchSampler with num_anchors of 1 or more'
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f'a label is {int(labels.max())} (smallest {int(labels.min())}), but the head has '
            f'{num_classes} classes: give the label map of these annotations'
        )


def by_shape(inputs: Tensor | Sequence[Tensor]) -> list[tuple[list[int], Tensor]]:
    """Group the videos of a batch by their shape, so that none needs padding.

    Args:
        inputs: The videos, stacked, or a list of videos of different shapes.

    Returns:
        For each shape, the positions of its videos in the batch, and the stacked videos.
    """
    if isinstance(inputs, Tensor):
        return [(list(range(len(inputs))), inputs)]
    groups: dict[torch.Size, list[int]] = {}
    for place, video in enumerate(inputs):
        groups.setdefault(video.shape, []).append(place)
    return [(places, torch.stack([inputs[place] for place in places])) for places in groups.values()]
