"""Videos whose frames are decoded in one pass: files, cameras and streams."""

import os
import re
import stat
from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from ga2mm.datasets.video_file import FAILURES, MAX_PIXELS, UnreadableVideoError, VideoFile

TIMEOUT = (20.0, 60.0)
"""Seconds to open a stream, and to wait for data of it."""

USUAL_RATE = 25.0
"""Frames per second of a stream that does not state them."""

_STREAM = re.compile(r'[a-z][a-z0-9+.-]+:(?!\\)', re.IGNORECASE)


def is_stream(source: object) -> bool:
    """Tell whether a source is a camera (a number or a device), a URL or a pipe, which has no known end."""
    if isinstance(source, int):
        return True
    text = str(source)
    try:
        mode = os.stat(text).st_mode
    except (OSError, ValueError):
        return _STREAM.match(text) is not None
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


class FileInOrder(VideoFile):
    """Video file that gives its frames in order, and their times.

    Args:
        path: The file.
        num_threads: Number of decoding threads.

    Raises:
        UnreadableVideoError: See :class:`~ga2mm.datasets.video_file.VideoFile`.
    """

    def frame_times(self) -> np.ndarray:
        """Give the seconds (frames,) from the first frame to each frame.

        If the file does not store times, they follow from the frame rate.
        """
        times = np.array(self._times[: len(self)], dtype=np.float64)
        time_base = self._stream().time_base
        if time_base is None or len(times) < 2 or not (np.diff(times) > 0).all():
            return np.arange(len(self)) / self.get_avg_fps()
        return (times - times[0]) * float(time_base)

    @property
    def start(self) -> float:
        """The time of the first frame in seconds, on the clock that the streams of the file share."""
        time_base = self._stream().time_base
        return max(0, self._times[0]) * float(time_base) if time_base is not None else 0.0

    def open_again(self) -> InputContainer:
        """Open the file once more, to read its other streams."""
        return self._open()

    def frames_in_order(self, wanted: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Decode frames from the beginning, up to the last one that is wanted or the first damaged one.

        Args:
            wanted: Different indices in ascending order; each is taken when the one before it is decoded.

        Yields:
            Index and frame, uint8 RGB of the first frame's (height, width, 3).
        """
        self._container.close()
        self._container = self._open()
        yield from _pick(self._container.decode(self._stream()), wanted, self._converter)


class Stream:
    """Camera, network stream or pipe.

    Args:
        source: Number of a camera, or what FFmpeg opens: a URL, the path of a pipe or a device.

    Raises:
        UnreadableVideoError: It cannot be opened or has no video.
    """

    lost = None

    def __init__(self, source: int | str) -> None:
        self.path = str(source)
        device = f'/dev/video{source}' if isinstance(source, int) else str(source)
        is_camera = device.startswith('/dev/video')
        try:
            self._container = av.open(
                device,
                format='v4l2' if is_camera else None,
                timeout=None if is_camera else TIMEOUT,
                metadata_errors='ignore',
                options={} if is_camera else {'max_pixels': str(MAX_PIXELS)},
            )
        except (*FAILURES, OSError) as error:
            reason = getattr(error, 'strerror', None) or str(error)
            raise UnreadableVideoError(self.path, f'cannot be opened ({reason})') from None
        if not self._container.streams.video:
            raise UnreadableVideoError(self.path, 'there is no video in this stream')
        self._stream = self._container.streams.video[0]
        self._converter = VideoReformatter()

    def get_avg_fps(self) -> float:
        """Give the frames per second that the stream states, or else 25."""
        return float(self._stream.average_rate or self._stream.guessed_rate or USUAL_RATE)

    def frames_in_order(self, wanted: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Decode frames as they come, up to the end of the stream; see :class:`FileInOrder`."""
        try:
            yield from _pick(self._container.decode(self._stream), wanted, self._converter)
        finally:
            self._container.close()


def _pick(
    decoded: Iterator[VideoFrame], wanted: Iterable[int], converter: VideoReformatter
) -> Iterator[tuple[int, np.ndarray]]:
    waiting = iter(wanted)
    index = next(waiting, None)
    size = None
    for number in range(2**62):
        try:
            frame = next(decoded, None)
        except FAILURES:
            return
        if index is None or frame is None or frame.is_corrupt:
            return
        if number == index:
            size = size or (frame.width, frame.height)
            yield index, converter.reformat(frame, *size, format='rgb24', threads=1).to_ndarray()
            index = next(waiting, None)
