"""Dataset of irrelevant videos listed in a file."""

from ga2mm.anchors.anchor_dataset import NO_LABEL
from ga2mm.datasets import TolerantVideoDataset, read_video_list
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class AnchorVideoDataset(TolerantVideoDataset):
    """Irrelevant videos from any list of videos; labels are ignored.

    :class:`TolerantVideoDataset` documents the arguments and the metainfo about unreadable videos.
    ``ann_file`` has lines of ``path`` or ``path label``; see :func:`read_video_list`.
    """

    is_anchor = True

    def list_videos(self) -> list[tuple[str, int]]:
        return [(path, NO_LABEL) for path in read_video_list(self.ann_file)]
