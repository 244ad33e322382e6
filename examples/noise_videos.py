"""An example anchor source that generates noise videos and needs no files."""

import numpy as np
from mmengine.dataset import BaseDataset

from ga2mm.registry import DATASETS


@DATASETS.register_module()
class NoiseVideos(BaseDataset):
    """``num_videos`` clips of noise, seeded by their index; ``clip_shape`` is (T, H, W).

    The pipeline starts from decoded frames.
    """

    def __init__(self, num_videos: int, clip_shape: tuple[int, int, int], pipeline: list[dict]) -> None:
        self.num_videos, self.clip_shape = num_videos, tuple(clip_shape)
        super().__init__(pipeline=pipeline)

    def load_data_list(self) -> list[dict]:
        return [dict(label=-1, num_clips=1, clip_len=self.clip_shape[0]) for _ in range(self.num_videos)]

    def prepare_data(self, idx: int) -> dict:
        frames = np.random.default_rng(idx).integers(0, 256, (*self.clip_shape, 3), np.uint8)
        return self.pipeline(dict(self.get_data_info(idx), imgs=list(frames)))
