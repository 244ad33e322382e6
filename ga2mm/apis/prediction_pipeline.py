"""The transforms that prepare videos for prediction: whole files, frames in memory, and parts of videos."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose

from ga2mm.apis.run import test_datasets
from ga2mm.checks.config_lists import innermost_datasets

DECODERS = ('DecodeFrames', 'DecordDecode', 'OpenCVDecode', 'PyAVDecode')
"""Transforms that give the sampled frames as ``imgs``."""

OPENERS = ('OpenVideo', 'OpenImage', 'DecordInit', 'OpenCVInit', 'PyAVInit')
"""Transforms that open a video and count its frames."""


def prediction_steps(cfg: Config) -> list[dict[str, Any]]:
    """Give the configs of the transforms that prepare a video, those of the first test set.

    ``test_pipeline`` counts only without test sets, as in the config of a model file.

    There is no frame cache in them, which would waste memory on long files.

    Raises:
        ValueError: The config has no test set.
    """
    loader = cfg.get('test_dataloader') or {}
    sets = [loader.dataset] if 'dataset' in loader else list(test_datasets(cfg).values())
    steps = innermost_datasets(sets[0])[0]['pipeline'] if sets else cfg.get('test_pipeline')
    if steps is None:
        raise ValueError('the config has no test_dataloader, whose pipeline prepares the videos')
    return [{key: copy.deepcopy(step[key]) for key in step if key != 'keep_frames'} for step in steps]


class PredictionPipeline:
    """The transforms of a config's test set.

    A video in memory or a part of a video passes the same transforms as a file, except those that open and
    decode it: frames are sampled from it as from a file of these frames alone.

    Args:
        cfg: The config.

    Raises:
        ValueError: The config has no test set.
    """

    def __init__(self, cfg: Config) -> None:
        steps = prediction_steps(cfg)
        self._whole = Compose(steps)
        kinds = [str(step['type']).rpartition('.')[2] for step in steps]
        self.opens_images = 'OpenImage' in kinds
        place = next((place for place, kind in enumerate(kinds) if kind in DECODERS), None)
        self._parts = None
        if place is not None:
            sampling = [step for step, kind in zip(steps[:place], kinds, strict=False) if kind not in OPENERS]
            first = place + 1 + _steps_that_shrink(steps[place + 1 :])
            self._parts = tuple(map(Compose, (sampling, steps[place + 1 : first], steps[first:])))

    def read(self, path: str | Path) -> dict[str, Any]:
        """Prepare a file.

        Returns:
            The item of the model's ``test_step``: ``inputs`` and ``data_samples``.

        Raises:
            UnreadableVideoError: The file cannot be read.
        """
        mended: list[str] = []
        item = self._whole(dict(_new(str(path)), mended=mended))
        item['data_samples'].set_metainfo(dict(mended=tuple(mended)))
        return item

    def sample(self, count: int, fps: float = 1.0, name: str = '') -> dict[str, Any]:
        """Sample the indices (``frame_inds``) of a video's frames.

        Args:
            count: Number of frames of the video.
            fps: Frames per second.
            name: Name of the video.

        Raises:
            ValueError: The pipeline does not decode videos.
        """
        if self._parts is None:
            raise ValueError(
                'the pipeline of this model has none of the transforms that decode frames: '
                f'{", ".join(DECODERS)}'
            )
        return self._parts[0](dict(_new(name), total_frames=count, avg_fps=fps))

    def shrink(self, frame: np.ndarray) -> np.ndarray:
        """Resize a frame, uint8 RGB (height, width, 3), if the first transforms of the frames do so."""
        results = dict(imgs=[frame], img_shape=frame.shape[:2], original_shape=frame.shape[:2])
        return self._parts[1](results)['imgs'][0]

    def finish(self, sampled: dict[str, Any], frames: Sequence[np.ndarray]) -> dict[str, Any]:
        """Give the item of frames.

        Args:
            sampled: Output of :meth:`sample`.
            frames: The frames at ``frame_inds``, after :meth:`shrink`.
        """
        shape = frames[0].shape[:2]
        return self._parts[2](dict(sampled, imgs=list(frames), img_shape=shape, original_shape=shape))

    def read_frames(self, frames: np.ndarray, name: str, fps: float = 1.0) -> dict[str, Any]:
        """Prepare a video in memory, uint8 RGB (T, height, width, 3)."""
        sampled = self.sample(len(frames), fps, name)
        chosen = [self.shrink(frames[int(index)]) for index in np.ravel(sampled['frame_inds'])]
        return self.finish(sampled, chosen)


def _new(name: str) -> dict[str, Any]:
    """Give the keys that a dataset gives."""
    return dict(filename=name, label=-1, start_index=0, modality='RGB')


def _steps_that_shrink(steps: Sequence[dict[str, Any]]) -> int:
    """Count the first transforms that resize each frame by itself: Resize, or lazy ones up to Fuse."""
    kinds = [str(step['type']).rpartition('.')[2] for step in steps]
    if kinds[:1] != ['Resize']:
        return 0
    return kinds.index('Fuse') + 1 if steps[0].get('lazy') else 1
