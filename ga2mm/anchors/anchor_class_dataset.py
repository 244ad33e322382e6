"""Irrelevant videos: the classes of another dataset that the target does not have."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from ga2mm.anchors.class_guard import classes_of_like_meaning, classes_of_like_name
from ga2mm.datasets import TolerantVideoDataset, read_annotation
from ga2mm.datasets.label_map import class_names_of
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class AnchorClassDataset(TolerantVideoDataset):
    """Irrelevant videos: another dataset without the classes that the target has too.

    Classes whose names equal or resemble one of the target are left out: by their letters, and with
    ``clip`` also by their meaning. Each is logged in one line when the annotation file is read, with the
    class of the target and the similarity. See :class:`TolerantVideoDataset` for what every item says
    about unreadable videos.

    The check of lists before training sees the classes that differ by their letters; it builds no CLIP.

    Args:
        ann_file: The other dataset's ``path label`` lines; see :func:`read_annotation`.
        pipeline: Transforms; they end in ``PackActionInputs``.
        label_map: The file of its class names; see :func:`read_label_map`.
        target_label_maps: Label maps of the target, each a file or a list of names: base *and* novel
            classes.
        clip: Config of a CLIP, such as ``model.backbone`` of the run. It is built when the annotation
            file is read, on the CPU, and not kept. Default: names are compared by their letters only.
        clip_threshold: Least cosine between the frozen text features of two names at which they mean the
            same. Design choice: 0.95, since the sentence around the names alone makes all of them alike;
            not measured. The log has the values to judge it by.
        **kwargs: As in :class:`TolerantVideoDataset`; ``indices`` counts the videos that are left.

    Raises:
        ValueError: An argument, the annotation file or a label map is wrong, or no video is left.
    """

    is_anchor = True

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        label_map: str | PathLike,
        target_label_maps: Sequence[str | PathLike | Sequence[str]],
        clip: dict[str, Any] | None = None,
        clip_threshold: float = 0.95,
        **kwargs: Any,
    ) -> None:
        if isinstance(target_label_maps, str | PathLike) or not target_label_maps:
            raise ValueError(
                f'target_label_maps={target_label_maps!r}: give a list of label maps, those of the base and '
                'of the novel classes'
            )
        if not 0 < clip_threshold <= 1:
            raise ValueError(f'clip_threshold={clip_threshold}: give a cosine above 0, at most 1')
        self.label_map = label_map
        self.classes = class_names_of(label_map)
        self.target_classes = [
            name for one in target_label_maps for name in class_names_of(one, 'target_label_maps')
        ]
        self.clip, self.clip_threshold = clip, clip_threshold
        self.dropped = classes_of_like_name(self.classes, self.target_classes)
        super().__init__(ann_file, pipeline, **kwargs)

    def list_videos(self) -> list[tuple[str, int]]:
        samples = read_annotation(self.ann_file, num_classes=len(self.classes))
        return [(path, label) for path, label in samples if self.classes[label] not in self.dropped]

    def filter_data(self) -> list[dict]:
        """The listed videos without those whose class means the same as one of the target.

        MMEngine calls this once ``ann_file`` has been read.
        """
        if self.clip is not None:
            kept = [name for name in self.classes if name not in self.dropped]
            self.dropped |= classes_of_like_meaning(kept, self.target_classes, self.clip, self.clip_threshold)
        if is_main_process():
            for name, reason in self.dropped.items():
                print_log(f"{self.ann_file}: class '{name}' is no anchor, {reason}", logger='current')
        videos = [video for video in self.data_list if self.classes[video['label']] not in self.dropped]
        if not videos:
            raise ValueError(
                f'{self.ann_file}: no video is left, all of its classes are or resemble classes of the '
                'target; take the anchors from another dataset'
            )
        return videos
