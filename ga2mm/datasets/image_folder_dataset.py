"""Images in a folder for each class."""

import os
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from torchvision.datasets.folder import IMG_EXTENSIONS, find_classes

from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.class_halves import labels_of_split
from ga2mm.datasets.folder import files_below
from ga2mm.datasets.label_map import check_class_names
from ga2mm.datasets.shuffled import shuffled
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class ImageFolderDataset(ActionVideoDataset):
    """Images as ``FOLDER/CLASS/*.jpg``, each a video of one frame (:class:`~ga2mm.datasets.OpenImage`).

    The folders' names, sorted, are the class names. Hidden folders and files are left out; images are found
    at any depth, by torchvision's list of suffixes, behind links too. Training and test images are two
    folders with the same classes; a class without a test image needs an empty folder, or the labels would
    not agree.

    See :class:`~ga2mm.datasets.TolerantVideoDataset` for what every item says about unreadable images.

    Args:
        folder: The folder of the class folders.
        pipeline: Transforms; they start with ``OpenImage`` and end in ``PackActionInputs``.
        split: ``'base'``, the first half of the classes, rounded up; ``'novel'``, the others, which are never
            trained on; or ``'all'``. Labels count from 0 in each split.
        shots: Draw so many images of each class; None for all.
        seed: Seed of the draw. It is made by a hash of seed and path, as ``tools/data/make_splits.py`` does:
            the same on every machine, and 4 shots are part of 8 shots.
        **kwargs: As in :class:`~ga2mm.datasets.ActionVideoDataset`.

    Raises:
        OSError: There is no such folder, no folder of a class, or no image, a folder may not be read, or a
            link in it leads nowhere.
        ValueError: An argument is wrong, a class has fewer images than shots, two classes differ by nothing
            but case, spaces and punctuation, or novel classes are to be trained on.
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
        """The images that belong to the shots, in the order of their paths."""
        if self.shots is None:
            return images
        if len(images) < self.shots:
            raise ValueError(
                f"{self.ann_file}: class '{name}' has {len(images)} images to draw {self.shots} from; "
                'lower shots'
            )
        return sorted(shuffled(images, self.seed)[: self.shots])


def _class_names(folder: str | PathLike) -> tuple[str, ...]:
    """Names of the folders that are no hidden ones, sorted."""
    for entry in os.scandir(folder):
        if entry.is_symlink() and not os.path.exists(entry.path):  # or its class would be missing
            raise FileNotFoundError(f'{entry.path}: the link leads nowhere; mend it or take it away')
    names = [name for name in find_classes(folder)[0] if not name.startswith('.')]
    return check_class_names(names, [os.path.join(folder, name) for name in names])
