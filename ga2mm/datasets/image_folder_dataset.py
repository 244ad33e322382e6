"""Dataset of images in one folder per class."""

import os
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from torchvision.datasets.folder import IMG_EXTENSIONS

from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.class_halves import labels_of_split
from ga2mm.datasets.folder import class_folders, files_below
from ga2mm.datasets.label_map import check_class_names
from ga2mm.datasets.shuffled import shuffled
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class ImageFolderDataset(ActionVideoDataset):
    """Images as ``FOLDER/CLASS/*.jpg``, each a video of one frame (:class:`~ga2mm.datasets.OpenImage`).

    The sorted folder names are the class names. Images may lie at any depth and behind links; their suffixes
    are torchvision's. Hidden folders and files are skipped. Training and test images are in two folders with
    the same class folders; a class without test images needs an empty folder, so that the labels agree.

    See :class:`~ga2mm.datasets.TolerantVideoDataset` for the metainfo about unreadable images.

    Args:
        folder: The folder that contains the class folders.
        pipeline: Transforms, starting with ``OpenImage`` and ending in ``PackActionInputs``.
        split: ``'base'`` (the first half of the classes, rounded up), ``'novel'`` (the other classes, never
            trained on) or ``'all'``. Labels count from 0 in each split.
        shots: Number of images to draw per class; None for all.
        seed: Seed of the draw. Images are ordered by a hash of seed and path, as in
            ``tools/data/make_splits.py``: the draw is the same on every machine, and 8 shots include the
            images of 4 shots.
        **kwargs: As in :class:`~ga2mm.datasets.ActionVideoDataset`.

    Raises:
        OSError: The folder is missing, has no class folder or no image, a folder cannot be read, or a link
            in the folder is broken.
        ValueError: An argument is invalid, a class has fewer images than ``shots``, two class names differ
            only by case, spaces and punctuation, or ``split='novel'`` is used for training.
    """

    def __init__(
        self,
        folder: str | PathLike,
        pipeline: Sequence[dict | Callable],
        split: str,
        shots: int | None = None,
        seed: int = 1,
        **kwargs: Any,
    ) -> None:
        if shots is not None and shots < 1:
            raise ValueError(f'{folder}: shots={shots}; draw at least 1 image of each class')
        self.shots = shots
        self.seed = seed
        names = _class_names(folder)
        super().__init__(
            str(folder),
            pipeline,
            label_map=[names[label] for label in labels_of_split(len(names), split)],
            split=split,
            data_prefix=dict(video=str(folder)),
            **kwargs,
        )

    def list_videos(self) -> list[tuple[str, int]]:
        samples: list[tuple[str, int]] = []
        for label, name in enumerate(self.classes):
            found = files_below(os.path.join(self.ann_file, name), IMG_EXTENSIONS, follow_links=True)
            images = [os.path.join(name, image) for image in sorted(found, key=os.path.split)]
            samples += [(image, label) for image in self._draw(name, images)]
        if not samples:
            raise FileNotFoundError(
                f'{self.ann_file}: no image in the folders of {len(self.classes)} classes; put images '
                f'({", ".join(IMG_EXTENSIONS)}) into a folder for each class'
            )
        return samples

    def _draw(self, name: str, images: list[str]) -> list[str]:
        """Draw the shots of a class; the images stay sorted by path."""
        if self.shots is None:
            return images
        if len(images) < self.shots:
            raise ValueError(
                f"{self.ann_file}: class '{name}' has {len(images)} images, fewer than shots={self.shots}; "
                'lower shots'
            )
        return sorted(shuffled(images, self.seed)[: self.shots])


def _class_names(folder: str | PathLike) -> tuple[str, ...]:
    names = class_folders(folder)
    return check_class_names(names, [os.path.join(folder, name) for name in names])
