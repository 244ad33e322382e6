"""Dataset of irrelevant videos: classes of another dataset that the target lacks."""

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
    """Irrelevant videos: another dataset without the classes that the target also has.

    Classes whose names equal or resemble a target class are dropped: by spelling and, with ``clip``, also
    by meaning. When the annotation file is read, each dropped class is logged on one line with the target
    class and the similarity. See :class:`TolerantVideoDataset` for the metainfo about unreadable videos.

    The check of lists before training compares spelling only; it builds no CLIP.

    Args:
        ann_file: File of the other dataset's ``path label`` lines; see :func:`read_annotation`.
        pipeline: Transforms, ending in ``PackActionInputs``.
        label_map: File of the other dataset's class names; see :func:`read_label_map`.
        target_label_maps: Label maps of the target, each a file or a list of names: base *and* novel
            classes.
        clip: Config of a CLIP, such as the run's ``model.backbone``. It is built on the CPU when the
            annotation file is read, and not kept. Default: compare names by spelling only.
        **kwargs: As in :class:`TolerantVideoDataset`; ``indices`` refers to the remaining videos.

    Raises:
        ValueError: An argument, the annotation file or a label map is invalid, or no video is left.
    """

    is_anchor = True

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        label_map: str | PathLike,
        target_label_maps: Sequence[str | PathLike | Sequence[str]],
        clip: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(target_label_maps, str | PathLike) or not target_label_maps:
            raise ValueError(
                f'target_label_maps={target_label_maps!r}: give the list of label maps of the base and '
                'of the novel classes'
            )
        self.label_map = label_map
        self.classes = class_names_of(label_map)
        self.target_classes = [
            name for one in target_label_maps for name in class_names_of(one, 'target_label_maps')
        ]
        self.clip = clip
        self.dropped = classes_of_like_name(self.classes, self.target_classes)
        super().__init__(ann_file, pipeline, **kwargs)

    def list_videos(self) -> list[tuple[str, int]]:
        samples = read_annotation(self.ann_file, num_classes=len(self.classes))
        return [(path, label) for path, label in samples if self.classes[label] not in self.dropped]

    def filter_data(self) -> list[dict]:
        """Drop the videos whose class means the same as a target class.

        MMEngine calls this after ``ann_file`` has been read.
        """
        if self.clip is not None:
            kept = [name for name in self.classes if name not in self.dropped]
            self.dropped |= classes_of_like_meaning(kept, self.target_classes, self.clip)
        if is_main_process():
            for name, reason in self.dropped.items():
                print_log(f"{self.ann_file}: class '{name}' gives no anchors: {reason}", logger='current')
        videos = [video for video in self.data_list if self.classes[video['label']] not in self.dropped]
        if not videos:
            raise ValueError(
                f'{self.ann_file}: no video is left, because every class is, or resembles, a class of '
                'the target; take the anchors from another dataset'
            )
        return videos
