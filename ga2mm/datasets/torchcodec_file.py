"""Local video file whose frames are decoded with torchcodec."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ga2mm.datasets.video_file import MAX_PIXELS, VideoFile

if TYPE_CHECKING:
    from torchcodec.decoders import VideoDecoder

FAILURES = (RuntimeError, ValueError, IndexError)
"""Errors that torchcodec raises for damaged files."""


def check_torchcodec() -> None:
    """Import torchcodec.

    Raises:
        ValueError: It is not installed, or it cannot load FFmpeg.
    """
    remedy = "or leave decoder='torchcodec' out, then PyAV decodes"
    try:
        import torchcodec
    except ImportError:
        raise ValueError(f'torchcodec is not installed: pip install torchcodec, {remedy}') from None
    except RuntimeError:  # older versions
        loaded = None
    else:
        loaded = getattr(torchcodec, 'ffmpeg_major_version', True)
    if not loaded:
        raise ValueError(
            'torchcodec cannot load its library: install FFmpeg with its shared libraries (apt-get install '
            f'ffmpeg, or conda install ffmpeg) and the torchcodec of your version of PyTorch, {remedy}'
        )


class TorchcodecFile(VideoFile):
    """Open video file whose frames torchcodec decodes, equal to those of :class:`VideoFile`.

    PyAV opens the file and counts its frames, torchcodec decodes the requested ones. Design choice: PyAV also
    decodes where torchcodec gives other frames or none: containers without times, more than 8 bits a colour,
    rotated videos, frames that are not at their time, and files for which torchcodec raises an error. Unlike
    PyAV, torchcodec conceals some damaged pictures.

    Args:
        path: The file.
        num_threads: Number of decoding threads.

    Raises:
        UnreadableVideoError: As :class:`VideoFile`.
    """

    @cached_property
    def _decoder(self) -> 'VideoDecoder':
        from torchcodec.decoders import VideoDecoder

        return VideoDecoder(
            os.path.abspath(self.path),
            stream_index=self._stream().index,
            dimension_order='NHWC',
            num_ffmpeg_threads=self.num_threads,
        )

    def _find_by_time(self, wanted: list[int]) -> dict[int, np.ndarray] | None:
        found = self._find_with_torchcodec(wanted)
        return super()._find_by_time(wanted) if found is None else found

    def _find_with_torchcodec(self, wanted: list[int]) -> dict[int, np.ndarray] | None:
        """Decode frames by index; None if torchcodec fails or gives other frames."""
        stream = self._stream()
        codec = stream.codec_context
        eight_bits = codec.format is not None and all(part.bits == 8 for part in codec.format.components)
        if not eight_bits or codec.width * codec.height > MAX_PIXELS:
            return None
        try:
            if getattr(self._decoder.metadata, 'rotation', None):  # torchcodec turns the frames
                return None
            batch = self._decoder.get_frames_at(wanted)
        except FAILURES:
            return None
        times = [float(self._times[index] * stream.time_base) for index in wanted]
        if not np.allclose(times, batch.pts_seconds.numpy(), rtol=0, atol=float(stream.time_base) / 2):
            return None
        return dict(zip(wanted, batch.data.numpy(), strict=True))
