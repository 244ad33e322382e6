"""Dataset of labelled videos with class names."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from ga2mm.datasets.annotation import read_annotation
from ga2mm.datasets.label_map import class_names_of
from ga2mm.datasets.tolerant_video_dataset import TolerantVideoDataset
from ga2mm.registry import DATASETS

SPLITS = ('base', 'novel', 'all')


@DATASETS.register_module()
class ActionVideoDataset(TolerantVideoDataset):
    """Dataset of labelled videos with class names and a split of base or novel classes.

    ``metainfo`` has ``classes`` (a tuple of names, indexed by label) and ``split``. See
    :class:`TolerantVideoDataset` for the metainfo about unreadable videos.

    Args:
        ann_file: File of ``path label`` lines; see :func:`read_annotation`.
        pipeline: Transforms, ending in ``PackActionInputs``.
        label_map: File of class names (see :func:`read_label_map`) or a list of them.
        split: ``'base'``, ``'novel'`` (classes that are never trained on) or ``'all'``.
        test_mode: True for validation and testing.
        **kwargs: As in :class:`TolerantVideoDataset`.

    Raises:
        ValueError: An argument, the annotation file or the label map is invalid, a label is outside the
            label map, or ``split='novel'`` is used for training.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        label_map: str | PathLike | Sequence[str],
        split: str,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f'split={split!r}; use one of {SPLITS}')
        if split == 'novel' and not test_mode:
            raise ValueError(
                f"{ann_file}: split='novel' with test_mode=False; novel classes are never trained "
                'on, set test_mode=True or train on the base split'
            )
        self.classes = class_names_of(label_map)
        super().__init__(ann_file, pipeline, test_mode=test_mode, **kwargs)
        # Set here because MMEngine would read a string in metainfo as a file name.
        self._metainfo.update(classes=self.classes, split=split)

    def list_videos(self) -> list[tuple[str, int]]:
        return read_annotation(self.ann_file, num_classes=len(self.classes))
