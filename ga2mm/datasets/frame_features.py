"""Transform that reads a video's frame features in place of its frames."""

from functools import cached_property

from mmcv.transforms import BaseTransform
from torch import Tensor

from ga2mm.datasets.video_file import UnreadableVideoError
from ga2mm.registry import TRANSFORMS
from ga2mm.tensor_files import read_safetensors


@TRANSFORMS.register_module()
class LoadFrameFeatures(BaseTransform):
    """Load the features of a video's frames, which a frozen vision tower has computed.

    Required keys: ``filename``. Added keys: ``imgs``, the features (T, embed_dim), not normalised. The model
    needs ``data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NTC')``.

    Args:
        file: File of :func:`~ga2mm.apis.frame_features.with_frame_features`; it is read with the first video.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is damaged.
        UnreadableVideoError: The file has no features of the video.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    @cached_property
    def _features(self) -> dict[str, Tensor]:
        return read_safetensors(self.file, 'file of frame features', 'train again, which computes them')[0]

    def transform(self, results: dict) -> dict:
        path = results['filename']
        if path not in self._features:
            raise UnreadableVideoError(path, f'{self.file} has no features of it')
        results['imgs'] = self._features[path]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(file={self.file!r})'
