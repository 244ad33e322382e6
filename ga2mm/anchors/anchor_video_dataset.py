"""Irrelevant videos, listed in a file."""

from collections.abc import Callable, Sequence

from ga2mm.anchors.anchor_dataset import NO_LABEL
from ga2mm.datasets import TolerantVideoDataset, read_video_list
from ga2mm.registry import DATASETS


@DATASETS.register_module()
class AnchorVideoDataset(TolerantVideoDataset):
    """Irrelevant videos: any list of videos, whose labels (if it has some) are ignored.

    See :class:`TolerantVideoDataset` for what every item says about unreadable videos.

    Args:
        ann_file: Lines of ``path`` or ``path label``; see :func:`read_video_list`.
        pipeline: Transforms; they end in ``PackActionInputs``.
        data_prefix: ``dict(video=folder)``, put before the listed paths. Default: none.
        test_mode: True where irrelevant videos are a test set.
        on_unreadable: ``'replace'`` (default in training), ``'wrong'`` (default in testing) or
            ``'fail'``; see :class:`TolerantVideoDataset`.
        indices: Take only the first videos (an integer) or these (a list of integers).
        lazy_init: Do not read ``ann_file`` yet.
    """

    is_anchor = True

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None = None,
        test_mode: bool = False,
        on_unreadable: str | None = None,
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
    ) -> None:
        super().__init__(
            ann_file,
            pipeline=pipeline,
            data_prefix=data_prefix,
            test_mode=test_mode,
            on_unreadable=on_unreadable,
            indices=indices,
            lazy_init=lazy_init,
        )

    def list_videos(self) -> list[tuple[str, int]]:
        return [(path, NO_LABEL) for path in read_video_list(self.ann_file)]
