"""A still image, opened as a video of one frame."""

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

    Takes the place of :class:`~ga2mm.datasets.OpenVideo`; the rest of a pipeline stays as it is.
    ``UniformSample(clip_len=1)`` gives clips of the one frame. A larger ``clip_len`` repeats it, so that
    images can be anchors of videos.

    MMAction2's ``RawFrameDecode`` and mmcv's ``LoadImageFromFile`` do not fit: the former stops at a damaged
    file with an error that does not name it, the latter has no RGB and no frames. Pillow decodes, through
    mmcv: it says what is wrong with a file. Images are turned as their EXIF orientation says.

    Required keys: ``filename``. Added keys: ``video_reader``, ``total_frames``, ``avg_fps`` (frames per
    second). A ``video_reader`` that is there already, such as :func:`~ga2mm.datasets.black_video`, is kept.

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
            raise UnreadableVideoError(path, 'is no image') from None
        except Exception as error:  # Pillow's decoders have errors of many kinds for a damaged file
            raise UnreadableVideoError(path, f'cannot be decoded ({error})') from None
