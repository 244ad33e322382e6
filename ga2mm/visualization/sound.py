"""The sound of a video file in a copy of the video."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from ga2mm.datasets.frames_in_order import FileInOrder

COPIED = ('aac', 'ac3', 'mp3', 'opus')
"""Codecs whose packets are copied into an MP4 file; sound of other codecs is encoded as AAC."""

RATE = 48000
"""Samples per second of sound that is encoded."""


class Sound:
    """Copies the sound of a file, as far as it can be read, into an MP4 file that is being written.

    Sound before the first frame is left out, so that sound and frames stay together. A warning names a file
    whose sound is lost, or damaged from some time on.

    Args:
        out: The file that is written, with its video stream.
        video: The file with the sound.
    """

    def __init__(self, out: Any, video: FileInOrder) -> None:
        self._out = out
        self._path = video.path
        self._start = video.start
        self._source = video.open_again()
        self._packets = self._read()
        self._next = next(self._packets, None)

    def write_until(self, seconds: float) -> None:
        """Write the sound up to a time since the first frame."""
        while self._next is not None and self._next[0] <= seconds:
            self._out.mux(self._next[1])
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write the rest of the sound."""
        self.write_until(float('inf'))
        self._source.close()

    def _read(self) -> Iterator[tuple[float, Any]]:
        """Give the seconds since the first frame and the packets to write."""
        stream = self._source.streams.best('audio')
        if stream is None:
            return
        codec = stream.codec_context
        if codec is None:
            self._warn('PyAV does not know its codec')
            return
        read = self._copied if codec.codec.canonical_name in COPIED else self._encoded
        time = 0.0
        try:
            for time, packet in read(stream):
                yield time, packet
        except (av.FFmpegError, ValueError) as error:
            self._warn(f'{error} at {time:.1f} s; the rest is left out')

    def _copied(self, stream: Any) -> Iterator[tuple[float, Any]]:
        written = self._out.add_stream_from_template(stream)
        shift = round(self._start / stream.time_base)
        for packet in self._source.demux(stream):
            if packet.pts is None or packet.dts is None or packet.dts < shift:
                continue
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            time = float(packet.pts * packet.time_base)
            packet.stream = written
            yield time, packet

    def _encoded(self, stream: Any) -> Iterator[tuple[float, Any]]:
        written = self._out.add_stream('aac', rate=RATE, layout='stereo')
        resampler = av.AudioResampler('fltp', 'stereo', RATE)
        samples = None
        for frame in self._source.decode(stream):
            if samples is None:
                samples = round(((frame.time or 0) - self._start) * RATE)
                if samples < 0:
                    samples = None
                    continue
            for part in resampler.resample(frame):
                part.pts, part.time_base = samples, Fraction(1, RATE)
                samples += part.samples
                yield from _timed(written.encode(part))
        yield from _timed(written.encode(None))

    def _warn(self, problem: str) -> None:
        warnings.warn(f'{self._path}: the copy with labels lacks sound: {problem}', stacklevel=2)


def _timed(packets: list[Any]) -> Iterator[tuple[float, Any]]:
    for packet in packets:
        yield float(packet.pts * packet.time_base), packet
