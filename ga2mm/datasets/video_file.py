"""Local video file that counts its frames and decodes exactly the requested ones."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

WITH_TIMES = ('mov', 'matroska')
"""Containers that store presentation times, so that seeking works and a frame's time gives its index.

MOV includes MP4 and 3GP, Matroska includes WebM.
"""

CONTAINERS = (
    *(*WITH_TIMES, 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'm4v', 'h264', 'hevc', 'av1', 'obu', 'ivf'),
    *('flv', 'asf', 'ogg', 'rm', 'mxf', 'nut', 'dv', 'gif', 'yuv4mpegpipe'),
)
"""FFmpeg's names of the containers that are read; playlists, which open other files, and images are not."""

MAX_PIXELS = 2**25
"""Largest frame that is decoded, slightly more than 8K, since a damaged header may claim any size."""

DECODER = {'max_pixels': str(MAX_PIXELS), 'err_detect': 'explode'}
"""Options of FFmpeg's decoders: raise an error instead of concealing a damaged picture."""

FAILURES = (av.FFmpegError, ValueError, IndexError)
"""Errors that PyAV raises for damaged files; IndexError if a stream begins in the middle of the file."""

SAID = 0.05
"""Share of lost frames above which the loss is reported; above 0.5 the video is unreadable. Design choice."""


class UnreadableVideoError(ValueError):
    """Error for a video file that is missing, empty or damaged.

    Args:
        path: The file.
        reason: Why it cannot be read, on one line. Empty if a DataLoader re-raises the error of a worker
            process; ``path`` then has the whole text.
    """

    def __init__(self, path: str, reason: str = '') -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f'{self.path}: {self.reason}' if self.reason else self.path


def check_file(path: str) -> None:
    """Raise an UnreadableVideoError if the file is missing, empty or cannot be opened."""
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
    """Open video file, decoded with PyAV.

    Index i is the i-th frame of a decode from the beginning. Frames are counted by the file's packets, since
    headers may be wrong; frames hidden by an edit list do not count. If the container stores times, a frame
    is decoded from the key frame before it and identified by its time. Otherwise, or if a time is wrong or
    such a frame is damaged, the file is decoded from the beginning. Design choice: frames after the first
    error are then not used, since they are predicted from the damaged one.

    Args:
        path: The file.
        num_threads: Number of decoding threads.

    Raises:
        UnreadableVideoError: The file cannot be opened, has no video or lost more than half of its frames.
    """

    def __init__(self, path: str, num_threads: int = 1) -> None:
        check_file(path)
        self.path = path
        self.num_threads = num_threads
        self.lost: str | None = None
        """Description of the missing part, on one line; None for an undamaged video."""
        # Shared by all frames, since its setup takes as long as decoding a frame.
        self._converter = VideoReformatter()
        self._container = self._open()
        stream = self._stream()
        self._times: list[int] = []
        self._keys: list[int] = []
        """Indices of the key frames."""
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
        """Give the frames per second; 1 if the file does not store them."""
        return self._fps

    @property
    def frame_bytes(self) -> int:
        """Give the size of a decoded frame in bytes."""
        stream = self._stream()
        return 3 * stream.codec_context.width * stream.codec_context.height

    def frames(self, indices: Sequence[int]) -> list[np.ndarray] | None:
        """Decode frames.

        Args:
            indices: Frame indices, from 0 to the length - 1, in any order.

        Returns:
            The frame of each index, uint8 RGB of shape (height, width, 3). None if the file has fewer frames
            than counted; the length is then corrected, so the caller has to choose new indices.

        Raises:
            UnreadableVideoError: More than half of the frames cannot be decoded.
        """
        wanted = sorted({int(index) for index in indices})
        found = self._find_by_time(wanted) if self._seekable else None
        if found is None:
            found = self._find_in_order(wanted)
        return None if found is None else [found[int(index)] for index in indices]

    def _open(self) -> InputContainer:
        try:
            # FFmpeg reads no protocol from an absolute path; metadata such as titles may be in any encoding.
            return av.open(
                os.path.abspath(self.path),
                metadata_errors='ignore',
                options={'format_whitelist': ','.join(CONTAINERS), 'max_pixels': str(MAX_PIXELS)},
            )
        except av.ArgumentError:
            raise UnreadableVideoError(self.path, 'not a video in a known container format') from None
        except FAILURES as error:
            raise self._unreadable('cannot be opened', error) from None

    def _stream(self) -> VideoStream:
        """Give the video stream; cover pictures do not count."""
        stream = self._container.streams.best('video')
        if stream is None or stream.disposition & Disposition.attached_pic:
            streams = self._container.streams.video
            stream = next((s for s in streams if not s.disposition & Disposition.attached_pic), None)
        if stream is None:
            raise UnreadableVideoError(self.path, 'the file has no video stream')
        codec = stream.codec_context
        if codec is None:
            raise UnreadableVideoError(self.path, 'PyAV does not know its codec')
        if not codec.is_open:
            codec.thread_count = self.num_threads
            codec.options = DECODER
        return stream

    def _read_index(self, stream: VideoStream) -> int:
        """Store the times of frames and key frames; give the frame count that header or packets claim."""
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
        """Set the length; report the loss of many frames and raise an error if most frames are lost."""
        what = f'damaged, {frames} of {self._promised} frames are left'
        lost = self._promised - frames
        if lost > self._promised / 2:
            raise UnreadableVideoError(self.path, what)
        if lost > SAID * self._promised:
            self.lost = f'{self.path}: {what}'
        self._length = frames

    def _key_before(self, index: int) -> int:
        """Give the last key frame up to an index; 0 if there is none."""
        place = bisect_right(self._keys, index)
        return self._keys[place - 1] if place else 0

    def _runs(self, wanted: list[int]) -> list[tuple[int, dict[int, int]]]:
        """Divide indices into runs; give the key frame where each run starts, and its indices by time."""
        runs: list[tuple[int, dict[int, int]]] = []
        last = -1
        for index in wanted:
            key = self._key_before(index)
            if not runs or key > last + 1:  # seeking skips frames
                runs.append((key, {}))
            runs[-1][1][self._times[index]] = last = index
        return runs

    def _find_by_time(self, wanted: list[int]) -> dict[int, np.ndarray] | None:
        """Decode frames by index, each from its key frame; None if a frame is not at its expected time.

        A frame that is not wanted is decoded only if other frames are predicted from it.
        """
        stream = self._stream()
        found: dict[int, np.ndarray] = {}
        try:
            for key, left in self._runs(wanted):
                self._container.seek(self._times[key], stream=stream)
                for packet in self._container.demux(stream):
                    stream.codec_context.skip_frame = 'DEFAULT' if packet.pts in left else 'NONREF'
                    for frame in packet.decode():
                        if frame.pts in left and not frame.is_corrupt:
                            found[left.pop(frame.pts)] = self._to_array(frame, found)
                        elif frame.pts is None or frame.pts >= next(iter(left), frame.pts + 1):
                            return None
                    if not left:
                        break
        except FAILURES:
            return None
        return found if len(found) == len(wanted) else None

    def _find_in_order(self, wanted: list[int]) -> dict[int, np.ndarray] | None:
        """Decode frames by index from the beginning; None if the file ends before the last index."""
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
        """Convert a frame to RGB at the size of the first frame, since a stream may change its size."""
        first = next(iter(others.values()), None)
        height, width = (frame.height, frame.width) if first is None else first.shape[:2]
        return self._converter.reformat(frame, width, height, format='rgb24', threads=1).to_ndarray()

    def _unreadable(self, what: str, error: Exception | None) -> UnreadableVideoError:
        reason = getattr(error, 'strerror', None) or str(error or 'no frame was decoded')
        return UnreadableVideoError(self.path, f'{what} ({reason})')
