"""Trial of a config's pipelines on a black video before a run."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from mmaction.datasets.transforms import DecordInit, OpenCVInit, PyAVInit
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope

from ga2mm.checks.config_lists import CALIBRATION, calibration_of
from ga2mm.datasets.still_image import OpenImage
from ga2mm.datasets.transforms import OpenVideo, black_video

AXES = {'NCTHW': 5, 'NCHW': 4}
"""Number of axes of a sample's inputs by format of a CLIPRecognizer; the second axis has the colours."""


def check_pipelines(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Run each pipeline that opens a video or an image on a black video.

    Otherwise an invalid argument or a missing transform raises an error only when the pipeline runs: for a
    test pipeline, in a worker process after hours of training.

    Args:
        cfg: The config.
        dataloaders: Keys of the dataloaders to check; ``CALIBRATION`` for the anchors of the calibration.

    Raises:
        ValueError: A transform cannot be built or fails, a pipeline gives no clip, or the clips of one batch
            differ in shape; the message has the pipeline's key.
    """
    wanted = None
    if cfg.model.get('type') in ('CLIPRecognizer', 'ga2mm.CLIPRecognizer'):
        wanted = (cfg.model.get('data_preprocessor') or {}).get('format_shape', 'NCTHW')
    with (
        DefaultScope.overwrite_default_scope(cfg.get('default_scope')),
        TemporaryDirectory() as folder,
    ):
        file = Path(folder) / 'black.avi'
        for key in dataloaders:
            shapes = {}
            found = calibration_of(cfg) if key == CALIBRATION else cfg.get(key)
            for place, pipeline in _pipelines(found, key):
                shape = _try(place, pipeline, wanted, file)
                if shape is not None:
                    shapes[shape] = place
            if key == 'train_dataloader' and len(shapes) > 1:
                made = ', '.join(f'{place} makes inputs of shape {shape}' for shape, place in shapes.items())
                raise ValueError(f'{made}: one batch needs one shape, so change one of these pipelines')


def _pipelines(config: Any, place: str) -> Iterator[tuple[str, list]]:
    """Give (key, config) of each pipeline below a key."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key == 'pipeline' and isinstance(value, list | tuple):
                yield f'{place}.{key}', list(value)
            else:
                yield from _pipelines(value, f'{place}.{key}')
    elif isinstance(config, list | tuple):
        for number, value in enumerate(config):
            yield from _pipelines(value, f'{place}[{number}]')


def _try(
    place: str, pipeline: list[dict | Callable], wanted: str | None, file: Path
) -> tuple[int, ...] | None:
    """Give the shape of a pipeline's inputs; None if it cannot be determined."""
    # The black video is as large as real videos, so that crops fit.
    results: Any = dict(filename='black', label=0, start_index=0, modality='RGB')
    for number, one in enumerate(pipeline):
        kind = one['type'] if isinstance(one, dict) else type(one)
        try:
            transform = TRANSFORMS.build(one) if isinstance(one, dict) else one
            if number == 0 and isinstance(transform, OpenVideo | OpenImage):
                results['video_reader'] = black_video(480, 640)
            elif number == 0 and isinstance(transform, DecordInit | OpenCVInit | PyAVInit):
                results['filename'] = str(_write_black_video(file))
            elif number == 0:
                return None
            results = transform(results)
        except Exception as error:  # transforms raise errors of any type
            name = kind if isinstance(kind, str) else kind.__name__
            said = ' '.join(str(error).split())
            raise ValueError(
                f'{place}[{number}] ({name}) fails on a video: {type(error).__name__}: {said}'
            ) from error
        if results is None:  # a run would read another video
            return None
    if 'data_samples' not in results or not hasattr(results.get('inputs'), 'shape'):
        raise ValueError(f'{place} does not make inputs and data_samples: end it with PackActionInputs')
    shape = tuple(results['inputs'].shape)
    if wanted in AXES and (len(shape) != AXES[wanted] or shape[1] != 3):
        raise ValueError(
            f'{place} makes inputs of shape {shape}, but the model takes {wanted}: put '
            f'FormatShape(input_format={wanted!r}) before PackActionInputs'
        )
    return shape


def _write_black_video(path: Path) -> Path:
    """Write a black video for the transforms that open files themselves."""
    if not path.exists():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25, (640, 480))
        for _ in range(32):
            writer.write(np.zeros((480, 640, 3), np.uint8))
        writer.release()
    return path
