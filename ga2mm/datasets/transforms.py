"""Transforms that open and decode videos and raise one type of error for unreadable ones."""

from collections.abc import Sequence

import numpy as np
from mmaction.datasets.transforms import UniformSample
from mmcv.transforms import BaseTransform

from ga2mm.datasets.torchcodec_file import TorchcodecFile, check_torchcodec
from ga2mm.datasets.video_file import VideoFile
from ga2mm.registry import TRANSFORMS

DECODERS = {'pyav': VideoFile, 'torchcodec': TorchcodecFile}
"""Classes of open video files by the package that decodes their frames."""

KEPT_BYTES = 2**30
"""Bytes of decoded frames that ``OpenVideo(keep_frames=True)`` keeps in each process."""


class DecodedVideo:
    """Video with its frames in memory; it has the methods of :class:`VideoFile` that the transforms use.

    Args:
        frames: The frames, each uint8 RGB of shape (height, width, 3).
        avg_fps: Frames per second.
        lost: Description of the missing part, on one line; None for an undamaged video.
    """

    def __init__(self, frames: Sequence[np.ndarray], avg_fps: float = 1.0, lost: str | None = None) -> None:
        self._frames = frames
        self._avg_fps = avg_fps
        self.lost = lost

    def __len__(self) -> int:
        return len(self._frames)

    def get_avg_fps(self) -> float:
        """Give the frames per second."""
        return self._avg_fps

    def frames(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Give the frames at the indices."""
        return [self._frames[int(index)] for index in indices]


def black_video(height: int = 224, width: int = 224) -> DecodedVideo:
    """Give a video of one black frame, which replaces an unreadable video; sizes are in pixels."""
    return DecodedVideo([np.zeros((height, width, 3), np.uint8)])


@TRANSFORMS.register_module()
class OpenVideo(BaseTransform):
    """Open a local video file.

    It replaces MMAction2's ``DecordInit``; a pipeline may still use ``DecordInit`` and ``DecordDecode``.
    Design choice: decord returns wrong frames for some undamaged files (H.264 in AVI, B-frames in AVI, open
    groups of pictures, MPEG transport streams), repeats frames of damaged files and ends the process on some
    headers; see :class:`VideoFile`.

    Required keys: ``filename``. Added keys: ``video_reader``, ``total_frames``, ``avg_fps`` (frames per
    second). An existing ``video_reader``, such as :func:`black_video`, is kept. Frames in memory (``array``,
    which MMAction2's ``long_video_demo.py`` gives) need no file.

    Args:
        num_threads: Decoding threads per video; for short clips, 1 is as fast as more.
        keep_frames: Decode each video once and keep its frames in memory. Only for small datasets: each
            process keeps up to 1 GiB of frames and decodes the other videos each time.
        decoder: ``'pyav'`` or ``'torchcodec'``, which gives equal frames; see :class:`TorchcodecFile`.

    Raises:
        ValueError: The decoder is unknown, or torchcodec is not installed or cannot load FFmpeg.
        UnreadableVideoError: The file is missing or empty, cannot be decoded or has no frames.
    """

    def __init__(self, num_threads: int = 1, keep_frames: bool = False, decoder: str = 'pyav') -> None:
        if decoder not in DECODERS:
            raise ValueError(f'decoder={decoder!r}: choose one of {", ".join(DECODERS)}')
        if decoder == 'torchcodec':
            check_torchcodec()
        self.num_threads = num_threads
        self.keep_frames = keep_frames
        self.decoder = decoder
        self._kept: dict[str, DecodedVideo] = {}
        self._room = KEPT_BYTES

    def transform(self, results: dict) -> dict:
        if 'array' in results:
            return results
        reader = results.get('video_reader')
        if reader is None:
            path = results['filename']
            reader = self._kept.get(path) or self._open(path)
        results['video_reader'] = reader
        results['total_frames'] = len(reader)
        results['avg_fps'] = reader.get_avg_fps()
        return results

    def _open(self, path: str) -> VideoFile | DecodedVideo:
        video = DECODERS[self.decoder](path, self.num_threads)
        size = len(video) * video.frame_bytes
        if not self.keep_frames or size > self._room:
            return video
        frames = video.frames(range(len(video)))
        if frames is None:  # the file has fewer frames than counted
            frames = video.frames(range(len(video)))
        self._room -= size
        self._kept[path] = DecodedVideo(frames, video.get_avg_fps(), video.lost)
        return self._kept[path]

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_threads={self.num_threads}, keep_frames={self.keep_frames}, '
            f'decoder={self.decoder!r})'
        )


def _draw_closer(indices: np.ndarray, counted: int, length: int) -> np.ndarray:
    """Map indices to a shorter video: keep their order and as many different indices as possible."""
    different, places = np.unique(indices, return_inverse=True)
    number = np.arange(len(different))
    if len(different) > length:
        closer = number * length // len(different)
    else:
        closer = different * length // counted - number
        closer = np.minimum(np.maximum.accumulate(closer), length - len(different)) + number
    return closer[places.reshape(indices.shape)]


@TRANSFORMS.register_module()
class CentredSampleFrames(UniformSample):
    """MMAction2's ``UniformSample`` under a name that MMAction2's ``long_video_demo.py`` recognises.

    That script measures its windows by the transform whose name contains ``SampleFrames``.
    """


@TRANSFORMS.register_module()
class DecodeFrames(BaseTransform):
    """Decode exactly the sampled frames of an open video.

    If a damaged file has fewer frames than counted, the sampled indices are moved closer together, so that
    frames repeat only if there are too few. The loss is added to ``mended``.

    Required keys: ``filename``, ``video_reader``, ``frame_inds``. Added keys: ``imgs`` (a list of uint8 RGB
    arrays of shape (height, width, 3)), ``original_shape``, ``img_shape``, ``mended`` (a list of
    ``'path: what is lost'``). The reader is freed whether decoding succeeds or not.
    Existing ``imgs`` are kept.

    Raises:
        UnreadableVideoError: More than half of the frames cannot be decoded.
    """

    def transform(self, results: dict) -> dict:
        if 'imgs' in results:
            return results
        video, results['video_reader'] = results['video_reader'], None
        indices, counted = np.ravel(results['frame_inds']), len(video)
        frames = video.frames(indices)
        if frames is None:
            indices = _draw_closer(indices, counted, len(video))
            frames = video.frames(indices)
        results['total_frames'] = len(video)
        results['frame_inds'] = indices
        if video.lost is not None:
            results.setdefault('mended', []).append(video.lost)
        results['imgs'] = frames
        results['original_shape'] = results['img_shape'] = frames[0].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
