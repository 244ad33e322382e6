"""Dataset of irrelevant videos: all videos in a folder."""

from collections.abc import Callable, Sequence
from typing import Any

from ga2mm.anchors.anchor_dataset import NO_LABEL
from ga2mm.datasets import TolerantVideoDataset
from ga2mm.datasets.folder import VIDEO_SUFFIXES, files_below
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class AnchorVideoFolder(TolerantVideoDataset):
    """Irrelevant videos: all videos below a folder, sorted by path.

    A file is a video if its suffix is in ``VIDEO_SUFFIXES``. Hidden files are skipped, and links to folders
    are not followed. See :class:`TolerantVideoDataset` for the metainfo about unreadable videos.

    Args:
        folder: The folder.
        pipeline: Transforms, ending in ``PackActionInputs``.
        **kwargs: As in :class:`TolerantVideoDataset`.

    Raises:
        OSError: The folder or one below it is missing or cannot be read.
        ValueError: The folder has no video.
    """

    is_anchor = True

    def __init__(self, folder: str, pipeline: Sequence[dict | Callable], **kwargs: Any) -> None:
        super().__init__(folder, pipeline, data_prefix=dict(video=folder), **kwargs)

    def list_videos(self) -> list[tuple[str, int]]:
        folder = self.ann_file
        try:
            videos = sorted(files_below(folder, VIDEO_SUFFIXES))
        except FileNotFoundError:
            raise FileNotFoundError(
                f'{folder}: no such folder; set folder to the folder of the anchor videos'
            ) from None
        if not videos:
            suffixes = ', '.join(VIDEO_SUFFIXES)
            raise ValueError(f'{folder}: no video in this folder; names of videos end in {suffixes}')
        return [(path, NO_LABEL) for path in videos]
