"""Transforms that open and decode a video, and say so in one way when they cannot."""

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.datasets.transforms import DecordDecode
from mmcv.transforms import BaseTransform

from ga2mm.registry import TRANSFORMS


class UnreadableVideoError(ValueError):
    """A video file that is missing, empty or damaged.

    Args:
        path: The file.
        reason: Why it cannot be read, in one line. Empty where a DataLoader hands on the error of a worker
            process, whose whole text is ``path`` then.
    """

    def __init__(self, path: str, reason: str = '') -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f'{self.path}: {self.reason}' if self.reason else self.path


def check_file(path: str) -> None:
    """Raise an UnreadableVideoError if a file is missing or empty."""
    if not os.path.isfile(path):
        raise UnreadableVideoError(path, 'no such file')
    if os.path.getsize(path) == 0:
        raise UnreadableVideoError(path, 'the file is empty')


class BlackVideo:
    """Stands in for a video that cannot be read: one black frame, as often as it is asked for.

    It has as much of ``decord.VideoReader`` as :class:`DecodeFrames` uses.
    """

    frame_shape = (224, 224, 3)
    """Height, width and channels in pixels."""

    def __len__(self) -> int:
        return 1

    def get_avg_fps(self) -> float:
        return 1.0

    def seek(self, index: int) -> None:
        pass

    def next(self) -> Any:
        return to_decord(np.zeros(self.frame_shape, np.uint8))

    def get_batch(self, indices: Sequence[int]) -> Any:
        return to_decord(np.zeros((len(indices), *self.frame_shape), np.uint8))


class DecodedVideo:
    """A video with all its frames in memory.

    It has as much of ``decord.VideoReader`` as :class:`DecodeFrames` uses.

    Args:
        reader: An open video. All of its frames are decoded.
    """

    def __init__(self, reader: Any) -> None:
        self.frames = reader.get_batch(range(len(reader))).asnumpy()
        self.avg_fps = reader.get_avg_fps()
        self.position = 0

    def __len__(self) -> int:
        return len(self.frames)

    def get_avg_fps(self) -> float:
        return self.avg_fps

    def seek(self, index: int) -> None:
        self.position = index

    def next(self) -> Any:
        return to_decord(self.frames[self.position])

    def get_batch(self, indices: Sequence[int]) -> Any:
        return to_decord(self.frames[list(indices)])


@TRANSFORMS.register_module()
class OpenVideo(BaseTransform):
    """Open a local video file with decord.

    Takes the place of MMAction2's ``DecordInit``, which reads the file into memory first: decord then
    crashes the process on some damaged files, whereas by path it raises.

    Required keys: ``filename``. Added keys: ``video_reader``, ``total_frames``, ``avg_fps`` (frames
    per second). A ``video_reader`` that is there already, such as :class:`BlackVideo`, is kept.

    Args:
        num_threads: Threads that decode one video; 1 is as fast as more for short clips.
        keep_frames: Decode each video once and keep all its frames in memory. Only for small data sets: in
            each worker process the frames of all its videos stay there. Decoding is exact then in any mode.

    Raises:
        UnreadableVideoError: The file is missing or empty, cannot be decoded or has no frames.
    """

    def __init__(self, num_threads: int = 1, keep_frames: bool = False) -> None:
        self.num_threads = num_threads
        self.keep_frames = keep_frames
        self._kept: dict[str, DecodedVideo] = {}

    def transform(self, results: dict) -> dict:
        reader = results.get('video_reader')
        if reader is None:
            path = results['filename']
            reader = self._kept.get(path) or self._open(path)
            if self.keep_frames:
                self._kept[path] = reader
        results['video_reader'] = reader
        results['total_frames'] = len(reader)
        results['avg_fps'] = reader.get_avg_fps()
        return results

    def _open(self, path: str) -> Any:
        import decord

        check_file(path)
        try:
            reader = decord.VideoReader(path, num_threads=self.num_threads)
            if self.keep_frames and len(reader) > 0:
                reader = DecodedVideo(reader)
        except (RuntimeError, decord.DECORDError) as error:
            raise UnreadableVideoError(path, f'cannot be opened ({_one_line(error)})') from None
        if len(reader) == 0:
            raise UnreadableVideoError(path, 'the video has no frames')
        return reader

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_threads={self.num_threads}, keep_frames={self.keep_frames})'


@TRANSFORMS.register_module()
class DecodeFrames(DecordDecode):
    """Decode the sampled frames of an open video.

    Required keys: ``filename``, ``video_reader``, ``frame_inds``. Added keys: ``imgs`` (a list of
    uint8 RGB arrays of shape (height, width, 3)), ``original_shape``, ``img_shape``. The reader is
    freed, whether decoding succeeds or not.

    Args:
        mode: ``'accurate'`` decodes exactly the sampled frames, ``'efficient'`` the key frames next
            to them, faster.

    Raises:
        UnreadableVideoError: decord fails on the way.
    """

    def transform(self, results: dict) -> dict:
        import decord

        try:
            return super().transform(results)
        except (RuntimeError, StopIteration, decord.DECORDError) as error:
            raise UnreadableVideoError(
                results['filename'], f'cannot be decoded ({_one_line(error)})'
            ) from None
        finally:
            results['video_reader'] = None


def to_decord(array: np.ndarray) -> Any:
    """An array as decord's readers give it."""
    import decord

    return decord.nd.array(array)


def _one_line(error: Exception) -> str:
    """What decord says, without its stack trace and the places in its own source."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r'\[\d\d:\d\d:\d\d\] \S+:\d+: ', '', lines[0])
