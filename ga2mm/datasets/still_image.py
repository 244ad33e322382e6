"""Transform that opens a still image as a video of one frame."""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from PIL import UnidentifiedImageError

from ga2mm.datasets.transforms import DecodedVideo
from ga2mm.datasets.video_file import UnreadableVideoError, check_file
from ga2mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class OpenImage(BaseTransform):
    """Open a local image file as a video of one frame.

    It replaces :class:`~ga2mm.datasets.OpenVideo`; the rest of a pipeline stays the same.
    ``UniformSample(clip_len=1)`` gives clips of one frame. A larger ``clip_len`` repeats the frame, so that
    images can be anchors for videos.

    MMAction2's ``RawFrameDecode`` raises an error that does not name the damaged file, and mmcv's
    ``LoadImageFromFile`` gives neither RGB nor frames. This transform decodes with Pillow through mmcv,
    because Pillow reports why a file cannot be decoded. Images are rotated by their EXIF orientation.

    Required keys: ``filename``. Added keys: ``video_reader``, ``total_frames``, ``avg_fps`` (frames per
    second). An existing ``video_reader``, such as :func:`~ga2mm.datasets.black_video`, is kept.

    Raises:
        UnreadableVideoError: The file is missing or empty, or cannot be decoded.
    """

    def transform(self, results: dict) -> dict:
        reader = results.get('video_reader')
        if reader is None:
            reader = DecodedVideo([self._read(results['filename'])])
        results['video_reader'] = reader
        results['total_frames'] = len(reader)
        results['avg_fps'] = reader.get_avg_fps()
        return results

    def _read(self, path: str) -> np.ndarray:
        check_file(path)
        try:
            return mmcv.imread(path, channel_order='rgb', backend='pillow')
        except UnidentifiedImageError:
            raise UnreadableVideoError(path, 'is not an image') from None
        except Exception as error:  # Pillow's decoders raise errors of many types for damaged files
            raise UnreadableVideoError(path, f'cannot be decoded ({error})') from None
