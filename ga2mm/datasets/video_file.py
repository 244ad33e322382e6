"""A local video file: which frames it really has, and exactly those that are asked for."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

WITH_TIMES = ('mov', 'matroska')
"""Containers that store when a frame is shown, so that a seek finds it and its time tells which it is.

MOV is also MP4 and 3GP, Matroska also WebM.
"""

CONTAINERS = (
    *(*WITH_TIMES, 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'm4v', 'h264', 'hevc', 'av1', 'obu', 'ivf'),
    *('flv', 'asf', 'ogg', 'rm', 'mxf', 'nut', 'dv', 'gif', 'yuv4mpegpipe'),
)
"""FFmpeg's names of the containers that are read: no playlists, which open other files, no pictures."""

MAX_PIXELS = 2**25
"""Largest frame that is decoded, a little more than 8K has: a damaged header may claim any size."""

DECODER = {'max_pixels': str(MAX_PIXELS), 'err_detect': 'explode'}
"""Options of FFmpeg's decoders: an error is raised, and no picture made up in the place of a damaged one."""

FAILURES = (av.FFmpegError, ValueError, IndexError)
"""What PyAV raises of a damaged file; IndexError, where a stream begins in the middle of it."""

SAID = 0.05
"""Share of a video's frames whose loss is said; half of them makes it unreadable. Design choice."""


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
    """Raise an UnreadableVideoError if a path leads to no file, to an empty one, or may not be read."""
    try:
        with open(path, 'rb') as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise UnreadableVideoError(path, 'no such file') from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, 'strerror', None) or str(error)
        raise UnreadableVideoError(path, reason[:1].lower() + reason[1:]) from None
    if empty:
        raise UnreadableVideoError(path, 'the file is empty')


class VideoFile:
    """An open video file, decoded with PyAV.

    Frame i is frame i of a decode from the beginning. How many there are is counted in the file's packets, as
    headers can claim anything; frames that an edit list hides do not count. The file is decoded from the
    beginning. Where the container stores times and that saves half of the work, a frame is decoded from the
    key frame before it and known by its time. Design choice: what comes after the first error is not used,
    since later frames are made from the damaged one.

    Args:
        path: The file.
        num_threads: Threads that decode it.

    Raises:
        UnreadableVideoError: It cannot be opened, has no video, or lost more than half of its frames.
    """

    def __init__(self, path: str, num_threads: int = 1) -> None:
        check_file(path)
        self.path = path
        self.num_threads = num_threads
        self.lost: str | None = None
        """What of the video is missing, in one line; None for a sound one."""
        # One for all frames: it takes as long to set up as to decode a frame.
        self._converter = VideoReformatter()
        self._container = self._open()
        stream = self._stream()
        self._times: list[int] = []
        self._keys: list[int] = []
        """Which frames are key frames."""
        self._promised = self._read_index(stream)
        self._set_length(len(self._times))
        rate = stream.average_rate or stream.guessed_rate
        self._fps = float(rate) if rate else 1.0
        self._seekable = self._container.format.name.startswith(WITH_TIMES) and all(
            earlier < later for earlier, later in zip(self._times, self._times[1:], strict=False)
        )

    def __len__(self) -> int:
        return self._length

    def get_avg_fps(self) -> float:
        """Frames per second; 1 where the file does not say."""
        return self._fps

    @property
    def frame_bytes(self) -> int:
        """Bytes of a decoded frame."""
        stream = self._stream()
        return 3 * stream.codec_context.width * stream.codec_context.height

    def frames(self, indices: Sequence[int]) -> list[np.ndarray] | None:
        """Decode frames.

        Args:
            indices: Which ones, from 0 to the length - 1, in any order.

        Returns:
            Of each index its frame, uint8 RGB of shape (height, width, 3). None where the file turns out to
            have fewer frames than were counted: its length is right from then on, so draw the indices again.

        Raises:
            UnreadableVideoError: More than half of the frames cannot be decoded.
        """
        wanted = sorted({int(index) for index in indices})
        found = self._find_by_time(wanted) if self._seekable and self._seeks_pay(wanted) else None
        if found is None:
            found = self._find_in_order(wanted)
        return None if found is None else [found[int(index)] for index in indices]

    def _open(self) -> InputContainer:
        try:
            # An absolute path has no protocol, whatever its name; titles and the like may be in any encoding.
            return av.open(
                os.path.abspath(self.path),
                metadata_errors='ignore',
                options={'format_whitelist': ','.join(CONTAINERS), 'max_pixels': str(MAX_PIXELS)},
            )
        except av.ArgumentError:
            raise UnreadableVideoError(self.path, 'no video in a container that is read') from None
        except FAILURES as error:
            raise self._unreadable('cannot be opened', error) from None

    def _stream(self) -> VideoStream:
        """The video; a cover picture is none."""
        stream = self._container.streams.best('video')
        if stream is None or stream.disposition & Disposition.attached_pic:
            streams = self._container.streams.video
            stream = next((s for s in streams if not s.disposition & Disposition.attached_pic), None)
        if stream is None:
            raise UnreadableVideoError(self.path, 'there is no video in this file')
        codec = stream.codec_context
        if codec is None:
            raise UnreadableVideoError(self.path, 'PyAV does not know its codec')
        if not codec.is_open:
            codec.thread_count = self.num_threads
            codec.options = DECODER
        return stream

    def _read_index(self, stream: VideoStream) -> int:
        """Note the times of all frames and key frames; return how many frames header or packets promise."""
        hidden, end, key_times = 0, 0.0, []
        try:
            for packet in self._container.demux():
                if packet.size == 0 and packet.dts is None:
                    continue  # the end of a stream
                if packet.pts is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream_index != stream.index:
                    continue
                if packet.is_discard:
                    hidden += 1
                    continue
                self._times.append(-1 if packet.pts is None else packet.pts)
                if packet.is_keyframe:
                    key_times.append(self._times[-1])
        except FAILURES as error:
            if not self._times:
                raise self._unreadable('cannot be read', error) from None
        if not self._times:
            raise UnreadableVideoError(self.path, 'the video has no frames')
        self._times.sort()
        self._keys = [bisect_left(self._times, time) for time in sorted(key_times)]
        promised = stream.frames - hidden
        if not stream.frames:
            start = (self._container.start_time or 0) / av.time_base
            claimed = (self._container.duration or 0) / av.time_base
            share = claimed / (end - start) if end > start else 1.0
            promised = round(share * len(self._times))
        return max(promised, len(self._times))

    def _set_length(self, frames: int) -> None:
        """Say that frames are lost, where many are, and refuse the file where most are."""
        what = f'damaged, {frames} of {self._promised} frames are left'
        lost = self._promised - frames
        if lost > self._promised / 2:
            raise UnreadableVideoError(self.path, what)
        if lost > SAID * self._promised:
            self.lost = f'{self.path}: {what}'
        self._length = frames

    def _key_before(self, index: int) -> int:
        """The key frame that a frame is decoded from; the first frame where there is none before it."""
        place = bisect_right(self._keys, index)
        return self._keys[place - 1] if place else 0

    def _seeks_pay(self, wanted: list[int]) -> bool:
        """Whether less than half of the frames must be decoded if each is looked for from its key frame."""
        last, decoded = -1, 0
        for index in wanted:
            decoded += index - max(self._key_before(index) - 1, last)
            last = index
        return 2 * decoded < wanted[-1] + 1

    def _find_by_time(self, wanted: list[int]) -> dict[int, np.ndarray] | None:
        """Frames by index, each from the key frame before it; None where one is not where it should be."""
        stream = self._stream()
        found: dict[int, np.ndarray] = {}
        decoded: Iterator[VideoFrame] = iter(())
        last = None
        try:
            for index in wanted:
                time, key = self._times[index], self._key_before(index)
                if last is None or key > last:
                    self._container.seek(self._times[key], stream=stream)
                    decoded = self._container.decode(stream)
                last = index
                frame = next((frame for frame in decoded if frame.pts is None or frame.pts >= time), None)
                if frame is None or frame.pts != time or frame.is_corrupt:
                    return None
                found[index] = self._to_array(frame, found)
        except FAILURES:
            return None
        return found

    def _find_in_order(self, wanted: list[int]) -> dict[int, np.ndarray] | None:
        """Frames by index, decoded from the beginning; None where the file ends before the last."""
        self._container.close()
        self._container = self._open()
        stream = self._stream()
        found: dict[int, np.ndarray] = {}
        waiting = iter(wanted)
        index = next(waiting, None)
        decoded, reason = 0, None
        try:
            for frame in self._container.decode(stream):
                if frame.is_corrupt:
                    break
                if decoded == index:
                    found[index] = self._to_array(frame, found)
                    index = next(waiting, None)
                    if index is None:
                        return found
                decoded += 1
        except FAILURES as error:
            reason = error
        if decoded == 0:
            raise self._unreadable('cannot be decoded', reason)
        self._set_length(decoded)
        self._seekable = False
        return None

    def _to_array(self, frame: VideoFrame, others: dict[int, np.ndarray]) -> np.ndarray:
        """RGB, of the size of the others: a stream may change its size on the way."""
        first = next(iter(others.values()), None)
        height, width = (frame.height, frame.width) if first is None else first.shape[:2]
        return self._converter.reformat(frame, width, height, format='rgb24', threads=1).to_ndarray()

    def _unreadable(self, what: str, error: Exception | None) -> UnreadableVideoError:
        reason = getattr(error, 'strerror', None) or str(error or 'no frame comes out')
        return UnreadableVideoError(self.path, f'{what} ({reason})')
