"""Random conversion of whole clips to greyscale."""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from ga2mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGrayscaleClip(BaseTransform):
    """Convert all frames of a clip to greyscale with a probability; the frames keep three channels.

    It computes on uint8. ``TorchVisionWrapper(op='RandomGrayscale')`` gives the same frames within 1 of 255,
    and copies each clip several times even if it converts nothing.

    Required keys: ``imgs``, a list of uint8 RGB arrays of shape (height, width, 3). Modified keys: ``imgs``.

    Args:
        prob: Probability, 0 to 1.

    Raises:
        ValueError: ``prob`` is not from 0 to 1.
    """

    def __init__(self, prob: float) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob={prob}: give a probability from 0 to 1')
        self.prob = prob

    def transform(self, results: dict) -> dict:
        if np.random.rand() < self.prob:
            results['imgs'] = [mmcv.gray2rgb(mmcv.rgb2gray(image)) for image in results['imgs']]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'
