"""Base class of the video datasets, which handles unreadable videos."""

import os.path as osp
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any

from mmaction.datasets import VideoDataset

from ga2mm.datasets.transforms import black_video
from ga2mm.datasets.video_file import UnreadableVideoError


class TolerantVideoDataset(VideoDataset):
    """Base class of datasets that continue when a video cannot be read; subclasses list the videos.

    The metainfo of each data sample has

    - ``filename``: the video that was read,
    - ``unreadable``: a tuple of ``'path: reason'``, the videos that could not be read before this one. The
      metainfo carries it to the main process from any worker,
    - ``mended``: a tuple of ``'path: what is lost'``, if the video is damaged and its readable frames were
      sampled,
    - ``readable``: False if black frames replace the video,
    - ``is_anchor``: whether the item is an irrelevant video.

    Args:
        ann_file: The file that lists the videos.
        pipeline: Transforms, ending in ``PackActionInputs``.
        data_prefix: ``dict(video=folder)``, the folder of the listed paths. Default: none.
        test_mode: True for validation and testing.
        on_unreadable: What to do if a video cannot be read. ``'replace'``: read the next video of the same
            class, or else the next of any class (training only, default there). ``'wrong'``: use black
            frames and count the video as classified wrongly (testing only, default there). ``'fail'``:
            raise an UnreadableVideoError.
        indices: Use only the first videos (an integer) or these indices (a list of integers).
        lazy_init: Do not read ``ann_file`` yet.

    Raises:
        ValueError: An argument or the pipeline is invalid; with ``'replace'``, no video of the dataset can
            be read.
        UnreadableVideoError: With ``'fail'``, when an item is read; it is a ValueError.
    """

    is_anchor = False

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
        data_prefix = dict(video='') if data_prefix is None else dict(data_prefix)
        if list(data_prefix) != ['video']:
            raise ValueError(
                f'data_prefix has the keys {list(data_prefix)}; write data_prefix=dict(video=folder)'
            )
        if not isinstance(data_prefix['video'], str | PathLike | None):
            raise ValueError(f'data_prefix.video={data_prefix["video"]!r}: give a folder')
        choices = ('wrong', 'fail') if test_mode else ('replace', 'fail')
        self.on_unreadable = choices[0] if on_unreadable is None else on_unreadable
        if self.on_unreadable not in choices:
            raise ValueError(
                f'on_unreadable={on_unreadable!r} is not allowed with test_mode={test_mode}; '
                f'use one of {choices}'
            )
        super().__init__(
            ann_file,
            pipeline=pipeline,
            data_prefix=data_prefix,
            test_mode=test_mode,
            indices=indices,
            lazy_init=lazy_init,
        )

    @abstractmethod
    def list_videos(self) -> list[tuple[str, int]]:
        """List pairs of (path relative to the prefix, label), in the order of ``ann_file``."""

    def load_data_list(self) -> list[dict]:
        prefix = self.data_prefix['video'] or ''
        return [dict(filename=osp.join(prefix, path), label=label) for path, label in self.list_videos()]

    def prepare_data(self, idx: int) -> dict[str, Any] | None:
        """Give the item at ``idx`` after the pipeline, or its replacement."""
        unreadable: list[str] = []
        for candidate in self._candidates(idx):
            try:
                return self._read(candidate, unreadable)
            except UnreadableVideoError as error:
                if self.on_unreadable == 'fail':
                    raise
                unreadable.append(str(error))
            if self.on_unreadable == 'wrong':
                return self._read(idx, unreadable, video_reader=black_video())
        raise ValueError(
            f'{self.ann_file}: none of the {len(self)} videos can be read, the first is '
            f'{unreadable[0]}; check data_prefix'
        )

    def _candidates(self, idx: int) -> Iterator[int]:
        """Give ``idx``, then the other videos of its class, then all others, each in cyclic order."""
        yield idx
        label = self.get_data_info(idx)['label']
        for same_class in (True, False):
            for step in range(1, len(self)):
                other = (idx + step) % len(self)
                if (self.get_data_info(other)['label'] == label) is same_class:
                    yield other

    def _read(self, idx: int, unreadable: list[str], **stand_in: Any) -> dict[str, Any] | None:
        info = self.get_data_info(idx) | dict(mended=[]) | stand_in
        metainfo = dict(
            filename=info['filename'],
            unreadable=tuple(unreadable),
            readable=not stand_in,
            is_anchor=self.is_anchor,
        )
        item = self.pipeline(info)
        if item is None:
            return None
        if 'data_samples' not in item:
            raise ValueError('pipeline: it makes no data_samples; end it with PackActionInputs')
        item['data_samples'].set_metainfo(metainfo | dict(mended=tuple(info['mended'])))
        return item
