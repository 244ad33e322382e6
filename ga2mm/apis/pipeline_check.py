"""Pipelines of a config, tried on a black video before a run."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope

from ga2mm.datasets.still_image import OpenImage
from ga2mm.datasets.transforms import OpenVideo, black_video

AXES = {'NCTHW': 5, 'NCHW': 4}
"""Axes of a sample's inputs in the formats that a CLIPRecognizer takes; the second has the colours."""


def check_pipelines(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Send a black video through each pipeline that begins with ``OpenVideo`` or ``OpenImage``.

    What a transform takes, and what it needs from those before it, shows only when it runs: hours into a run,
    in a worker process, if it is a test's.

    Args:
        cfg: The config.
        dataloaders: Which of its dataloaders to look at.

    Raises:
        ValueError: A transform cannot be built or fails, or no clip comes out; the message has its key.
    """
    wanted = None
    if cfg.model.get('type') == 'CLIPRecognizer':
        wanted = (cfg.model.get('data_preprocessor') or {}).get('format_shape', 'NCTHW')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        for key in dataloaders:
            for place, pipeline in _pipelines(cfg.get(key), key):
                _try(place, pipeline, wanted)


def _pipelines(config: Any, place: str) -> Iterator[tuple[str, list]]:
    """(key, config) of every pipeline below a key."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key == 'pipeline' and isinstance(value, list | tuple):
                yield f'{place}.{key}', list(value)
            else:
                yield from _pipelines(value, f'{place}.{key}')
    elif isinstance(config, list | tuple):
        for number, value in enumerate(config):
            yield from _pipelines(value, f'{place}[{number}]')


def _try(place: str, pipeline: list[dict | Callable], wanted: str | None) -> None:
    video = black_video(480, 640)  # as large as real ones, so that crops find room
    results: Any = dict(filename='black', label=0, start_index=0, modality='RGB', video_reader=video)
    for number, one in enumerate(pipeline):
        kind = one['type'] if isinstance(one, dict) else type(one)
        try:
            transform = TRANSFORMS.build(one) if isinstance(one, dict) else one
            if number == 0 and not isinstance(transform, OpenVideo | OpenImage):
                return
            results = transform(results)
        except Exception as error:  # of a transform of whatever package, for whatever argument
            name = kind if isinstance(kind, str) else kind.__name__
            said = ' '.join(str(error).split())
            raise ValueError(
                f'{place}[{number}] ({name}) fails on a video: {type(error).__name__}: {said}'
            ) from error
        if results is None:  # another video would be taken
            return
    if 'data_samples' not in results or not hasattr(results.get('inputs'), 'shape'):
        raise ValueError(f'{place} makes no inputs and data_samples: let it end in PackActionInputs')
    shape = tuple(results['inputs'].shape)
    if wanted in AXES and (len(shape) != AXES[wanted] or shape[1] != 3):
        raise ValueError(
            f'{place} makes inputs of shape {shape}, the model takes {wanted}: put '
            f'FormatShape(input_format={wanted!r}) before PackActionInputs'
        )
