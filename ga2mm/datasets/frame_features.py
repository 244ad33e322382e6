"""Features of videos' frames on disk, and the transform that reads them in place of frames."""

import hashlib
import os
from pathlib import Path

from mmcv.transforms import BaseTransform
from torch import Tensor

from ga2mm.datasets.video_file import UnreadableVideoError
from ga2mm.registry import TRANSFORMS
from ga2mm.tensor_files import read_safetensors

KEY = 'frames'
"""Name of the tensor in a file of features."""


def features_file(folder: str | Path, video: str) -> Path:
    """Give the file of a video's features, whether it exists or not.

    Its name is a hash of the video's absolute path, size and time of change, so that a changed video has no
    features. Design choice: the content is not read, which would take as long as decoding.

    Raises:
        OSError: The video does not exist.
    """
    state = os.stat(video)
    identity = f'{os.path.realpath(video)}\n{state.st_size}\n{state.st_mtime_ns}'
    name = hashlib.sha256(identity.encode(errors='surrogateescape')).hexdigest()[:32]
    return Path(folder) / f'{name}.safetensors'


@TRANSFORMS.register_module()
class LoadFrameFeatures(BaseTransform):
    """Load the features of a video's frames, which a frozen vision tower has computed.

    Required keys: ``filename``. Added keys: ``imgs``, the features (T, embed_dim), not normalised. The model
    needs ``data_preprocessor=dict(type='ClipDataPreprocessor', format_shape='NTC')``.

    Args:
        folder: Folder of :func:`~ga2mm.apis.frame_features.with_frame_features`.

    Raises:
        ValueError: A file of features is damaged.
        UnreadableVideoError: The folder has no features of the video.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._read: dict[str, Tensor] = {}

    def transform(self, results: dict) -> dict:
        path = results['filename']
        if path not in self._read:
            self._read[path] = self._load(path)
        results['imgs'] = self._read[path]
        return results

    def _load(self, path: str) -> Tensor:
        try:
            file = features_file(self.folder, path)
            return read_safetensors(file, 'file of frame features', 'remove it and train again')[0][KEY]
        except OSError:
            raise UnreadableVideoError(path, f'{self.folder} has no features of it') from None
        except KeyError:
            raise ValueError(f'{file} has no frame features: remove it and train again') from None

    def __repr__(self) -> str:
        return f'{type(self).__name__}(folder={self.folder!r})'
