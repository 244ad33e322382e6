"""Dataset of a user's own videos in one folder per class, or in a CSV file."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.class_halves import labels_of_split
from ga2mm.datasets.own_videos import read_own_videos
from ga2mm.datasets.video_split import choose_classes, split_videos
from ga2mm.registry import DATASETS

SUBSETS = ('train', 'test', 'all')


@DATASETS.register_module()
class VideoFolderDataset(ActionVideoDataset):
    """Videos as ``FOLDER/CLASS/*.mp4``, or images, with a training and a test part.

    See :func:`~ga2mm.datasets.own_videos.read_own_videos` for names and files, and
    :func:`~ga2mm.datasets.video_split.split_videos` for the two parts, in which no recording is on both
    sides. Give training and test datasets the same ``shots``, ``seed``, ``novel`` and ``group_by``. See
    :class:`~ga2mm.datasets.TolerantVideoDataset` for the metainfo about unreadable videos. Images need a
    pipeline that starts with ``OpenImage``.

    Args:
        folder: The folder that contains the class folders, or a CSV file of paths and classes.
        pipeline: Transforms, ending in ``PackActionInputs``.
        split: ``'base'``, ``'novel'`` (never trained on) or ``'all'``. Labels count from 0 in each split.
        subset: ``'train'``, ``'test'`` or ``'all'`` videos. Novel classes have test videos only.
        novel: Names of the novel classes; None for the second half of the classes if ``split`` is not
            ``'all'``.
        shots: Number of training videos of each class; None for all.
        seed: Seed of the draw.
        group_by: A regular expression that tells recordings apart.
        **kwargs: As in :class:`~ga2mm.datasets.ActionVideoDataset`.

    Raises:
        OSError: The folder or file is missing or cannot be read.
        ValueError: An argument is invalid, there are fewer than two classes, a class has too few videos or
            recordings, or ``split='novel'`` is used for training.
    """

    def __init__(
        self,
        folder: str | PathLike,
        pipeline: Sequence[dict | Callable],
        split: str,
        subset: str,
        novel: Sequence[str] | None = None,
        shots: int | None = None,
        seed: int = 1,
        group_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        if subset not in SUBSETS:
            raise ValueError(f'{folder}: subset={subset!r}; use one of {SUBSETS}')
        own = read_own_videos(folder, group_by)
        if split == 'all':
            chosen = ()
        elif novel is None:
            chosen = tuple(own.classes[label] for label in labels_of_split(len(own.classes), 'novel'))
        else:
            chosen = choose_classes(novel, own.classes)
        parts = split_videos(own.videos, chosen, shots, seed)
        names = parts.novel if split == 'novel' else parts.base
        videos = dict(train=parts.train, test=parts.test, all=own.videos)[subset]
        self._videos = [
            (video.path, names.index(video.class_name)) for video in videos if video.class_name in names
        ]
        super().__init__(
            str(folder),
            pipeline,
            label_map=names,
            split=split,
            data_prefix=dict(video=str(own.folder)),
            **kwargs,
        )

    def list_videos(self) -> list[tuple[str, int]]:
        return self._videos
