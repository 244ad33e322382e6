"""Images in a folder for each class."""

import os.path as osp
from collections.abc import Callable, Sequence
from os import PathLike

from torchvision.datasets.folder import IMG_EXTENSIONS, find_classes, make_dataset

from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.class_halves import labels_of_split
from ga2mm.datasets.shuffled import shuffled
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class ImageFolderDataset(ActionVideoDataset):
    """Images as ``FOLDER/CLASS/*.jpg``, each a video of one frame (:class:`~ga2mm.datasets.OpenImage`).

    The folders' names, sorted, are the class names. Hidden folders are left out; images are found at any
    depth, by torchvision's list of suffixes. Training and test images are two folders with the same classes;
    a class without a test image needs an empty folder, or the labels would not agree.

    See :class:`~ga2mm.datasets.TolerantVideoDataset` for what every item says about unreadable images.

    Args:
        folder: The folder of the class folders.
        pipeline: Transforms; they start with ``OpenImage`` and end in ``PackActionInputs``.
        split: ``'base'``, the first half of the classes, rounded up; ``'novel'``, the others, which are never
            trained on; or ``'all'``. Labels count from 0 in each split.
        shots: Draw so many images of each class; None for all.
        seed: Seed of the draw. It is made by a hash of seed and path, as ``tools/data/make_splits.py`` does:
            the same on every machine, and 4 shots are part of 8 shots.
        test_mode: True for validation and testing.
        on_unreadable: ``'replace'`` (default in training), ``'wrong'`` (default in testing) or
            ``'fail'``; see :class:`~ga2mm.datasets.TolerantVideoDataset`.
        indices: Take only the first images (an integer) or these (a list of integers).
        lazy_init: Do not look for images yet.

    Raises:
        FileNotFoundError: There is no such folder, no folder of a class, or no image.
        ValueError: An argument is wrong, a class has fewer images than shots, or novel classes are to be
            trained on.
    """

    def __init__(
        self,
        folder: str | PathLike,
        pipeline: Sequence[dict | Callable],
        split: str,
        shots: int | None = None,
        seed: int = 1,
        test_mode: bool = False,
        on_unreadable: str | None = None,
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
    ) -> None:
        if shots is not None and shots < 1:
            raise ValueError(f'{folder}: shots={shots}; draw at least 1 image of each class')
        self.shots = shots
        self.seed = seed
        names = [name for name in find_classes(folder)[0] if not name.startswith('.')]
        super().__init__(
            str(folder),
            pipeline=pipeline,
            label_map=[names[label] for label in labels_of_split(len(names), split)],
            split=split,
            data_prefix=dict(video=str(folder)),
            test_mode=test_mode,
            on_unreadable=on_unreadable,
            indices=indices,
            lazy_init=lazy_init,
        )

    def list_videos(self) -> list[tuple[str, int]]:
        samples: list[tuple[str, int]] = []
        for label, name in enumerate(self.classes):
            found = make_dataset(self.ann_file, {name: label}, IMG_EXTENSIONS, allow_empty=True)
            images = [osp.relpath(path, self.ann_file) for path, _ in found]
            samples += [(image, label) for image in self._draw(name, images)]
        if not samples:
            raise FileNotFoundError(
                f'{self.ann_file}: no image in the folders of {len(self.classes)} classes; put images '
                f'({", ".join(IMG_EXTENSIONS)}) into a folder for each class'
            )
        return samples

    def _draw(self, name: str, images: list[str]) -> list[str]:
        """The images that belong to the shots, in the order of their paths."""
        if self.shots is None:
            return images
        if len(images) < self.shots:
            raise ValueError(
                f"{self.ann_file}: class '{name}' has {len(images)} images to draw {self.shots} from; "
                'lower shots'
            )
        return sorted(shuffled(images, self.seed)[: self.shots])
