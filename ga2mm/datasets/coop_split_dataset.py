"""Dataset of images listed in the split files published with CoOp."""

import random
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.class_halves import labels_of_split
from ga2mm.datasets.label_map import check_class_names
from ga2mm.datasets.text_file import MAX_LINE, NOT_TEXT, quoted, read_json
from ga2mm.registry import DATASETS

SUBSETS = ('train', 'val', 'test')


@DATASETS.register_module()
class CoOpSplitDataset(ActionVideoDataset):
    """Images of a file ``split_zhou_<Dataset>.json``, the splits of CoOp, CoCoOp and MaPLe.

    Each image is a video of one frame (:class:`~ga2mm.datasets.OpenImage`). See
    :class:`~ga2mm.datasets.TolerantVideoDataset` for the metainfo about unreadable images.

    Args:
        ann_file: The split file; see :func:`read_coop_split`.
        subset: ``'train'``, ``'val'`` or ``'test'``.
        pipeline: Transforms, starting with ``OpenImage`` and ending in ``PackActionInputs``.
        split: ``'base'`` (the first half of the labels, rounded up), ``'novel'`` (the other classes, never
            trained on) or ``'all'``. Labels count from 0 in each split.
        shots: Number of training images to draw per class; None for all. As in CoOp's code, a class with
            fewer images keeps all of them.
        seed: Seed of the draw. The draw equals CoOp's: Python's ``random.sample`` on all classes in file
            order, whatever the split.
        test_mode: True for validation and testing.
        **kwargs: As in :class:`~ga2mm.datasets.ActionVideoDataset`.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: An argument or the file is invalid, or ``split='novel'`` is used for training.
    """

    def __init__(
        self,
        ann_file: str | PathLike,
        subset: str,
        pipeline: Sequence[dict | Callable],
        split: str,
        shots: int | None = None,
        seed: int = 1,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if subset not in SUBSETS:
            raise ValueError(f'{ann_file}: subset={subset!r}; use one of {SUBSETS}')
        if subset != 'train' and not test_mode:
            raise ValueError(
                f"{ann_file}: subset={subset!r} with test_mode=False; train on subset='train', or set "
                'test_mode=True'
            )
        if shots is not None and (shots < 1 or subset != 'train'):
            raise ValueError(
                f"{ann_file}: shots={shots} with subset={subset!r}; give 1 or more with subset='train', and "
                'leave shots out with the other subsets'
            )
        names, self._images = read_coop_split(ann_file, subset)
        self._labels = labels_of_split(len(names), split)
        self.shots = shots
        self.seed = seed
        super().__init__(
            str(ann_file),
            pipeline,
            label_map=[names[label] for label in self._labels],
            split=split,
            test_mode=test_mode,
            **kwargs,
        )

    def list_videos(self) -> list[tuple[str, int]]:
        images = self._images if self.shots is None else self._draw(self.shots)
        return [(path, label - self._labels.start) for path, label in images if label in self._labels]

    def _draw(self, shots: int) -> list[tuple[str, int]]:
        by_label: dict[int, list[tuple[str, int]]] = {}
        for image in self._images:
            by_label.setdefault(image[1], []).append(image)
        generator = random.Random(self.seed)
        drawn = []
        for images in by_label.values():
            drawn += generator.sample(images, shots) if len(images) >= shots else images
        return drawn


def read_coop_split(path: str | PathLike, subset: str) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """Read a JSON file ``{"train": [[path, label, class name], ...], "val": ..., "test": ...}``.

    Args:
        path: The file, UTF-8.
        subset: ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        The names of all classes, indexed by label, and a non-empty list of pairs (path as written, label)
        of the subset, in file order.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The file has another format, a row is invalid (the message names file and row), a label
            has two names, two labels share a name, labels are not 0 to n - 1, or the subset is empty.
    """
    content = read_json(path, 'give a file split_zhou_<Dataset>.json')
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in SUBSETS):
        raise ValueError(
            f'{path}: not an object with the lists {SUBSETS}; give a file split_zhou_<Dataset>.json'
        )
    names: dict[int, tuple[str, str]] = {}
    for key in SUBSETS:
        for row, item in enumerate(content[key]):
            where = f'{path}, {key}[{row}]'
            _check_row(item, where)
            first_name, first_place = names.setdefault(item[1], (item[2], where))
            if item[2] != first_name:
                raise ValueError(
                    f'{where}: label {item[1]} is {quoted(item[2])}, but {quoted(first_name)} in '
                    f'{first_place}; give every label one name'
                )
    missing = set(range(len(names))) - set(names)
    if missing:
        raise ValueError(
            f'{path}: no image has label {min(missing)}, but one has {max(names)}; number the {len(names)} '
            f'classes 0 to {len(names) - 1} without gaps'
        )
    if not content[subset]:
        raise ValueError(f"{path}: '{subset}' is empty; list [path, label, class name] of each image")
    ordered = [names[label] for label in range(len(names))]
    classes = check_class_names([name for name, _ in ordered], [place for _, place in ordered])
    return classes, [(image, label) for image, label, _ in content[subset]]


def _check_row(item: Any, where: str) -> None:
    if not (
        isinstance(item, list)
        and len(item) == 3
        and isinstance(item[0], str)
        and type(item[1]) is int  # a bool is an int too
        and item[1] >= 0
        and isinstance(item[2], str)
    ):
        raise ValueError(f'{where}: {quoted(item)} is not [path, label of 0 or more, class name]')
    if not item[0].strip() or len(item[0]) > MAX_LINE or NOT_TEXT.search(item[0]):
        raise ValueError(f'{where}: {quoted(item[0])} is not a path')
