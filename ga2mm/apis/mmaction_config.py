"""A config for MMAction2's own tools, which want one test set and the scope in the names of classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from ga2mm.apis.model_file import classes_of
from ga2mm.apis.prediction_pipeline import prediction_steps
from ga2mm.checks.runner_keys import runner_keys
from ga2mm.engine.protocol_test_sets import named_sets
from ga2mm.registry import MODELS, TRANSFORMS
from ga2mm.utils import write_text

SUFFIX = '.py'

LABELS = '_labels.txt'
"""End of the name of the list of class names, which MMAction2's demos read."""


def export_mmaction_config(cfg: Config, path: Path, classes: Sequence[str] | None = None) -> tuple[str, ...]:
    """Write a config for MMAction2's tools, and the list of its classes next to it.

    Args:
        cfg: Config of a run.
        path: The file to write, ending in ``.py``; the classes are in ``NAME_labels.txt``, one a line.
        classes: Class names; None for those of the training set, or of the test sets if there is none.

    Returns:
        The class names.

    Raises:
        OSError: A label map does not exist, or a file cannot be written.
        ValueError: The config has no test set, or the classes are unknown.
    """
    names = classes_of(cfg) if classes is None else tuple(classes)
    made = mmaction_config(cfg, names)
    write_text(path.with_name(path.stem + LABELS), ''.join(f'{name}\n' for name in names))
    write_text(path, made.pretty_text)
    return names


def mmaction_config(cfg: Config, classes: Sequence[str]) -> Config:
    """Give a config for MMAction2's tools: the first test set, ``test_pipeline``, and names with a scope.

    ``UniformSample`` becomes ``CentredSampleFrames``, which samples the same frames, since
    ``long_video_demo.py`` measures its windows by the transform whose name contains ``SampleFrames``.

    Raises:
        ValueError: The config has no test set.
    """
    made = Config({key: value for key, value in cfg.to_dict().items() if key in runner_keys()})
    steps = [_step(step) for step in prediction_steps(cfg)]
    loader = made.test_dataloader
    if 'dataset' not in loader:
        _, _, loader = next(iter(named_sets(loader)))
    made.test_pipeline = steps
    made.test_dataloader = dict(loader, dataset=_with_pipeline(loader['dataset'], steps))
    made.test_cfg = dict(type='TestLoop')
    made.model.type = _scoped(made.model.type, MODELS)
    made.model.cls_head.class_names = list(classes)
    return made


def _step(step: dict[str, Any]) -> dict[str, Any]:
    if step['type'] == 'UniformSample':
        return dict(dict(num_clips=1), **dict(step, type='ga2mm.CentredSampleFrames'))
    return dict(step, type=_scoped(step['type'], TRANSFORMS))


def _scoped(name: Any, registry: Registry) -> Any:
    """Put the scope before the name of a class of ours."""
    registry.import_from_location()
    return f'{registry.scope}.{name}' if name in registry.module_dict else name


def _with_pipeline(dataset: Any, steps: list[dict[str, Any]]) -> Any:
    """Replace the pipelines in the config of a dataset."""
    if isinstance(dataset, list | tuple):
        return [_with_pipeline(value, steps) for value in dataset]
    if not isinstance(dataset, dict):
        return dataset
    inner = {key: _with_pipeline(value, steps) for key, value in dataset.items() if key != 'pipeline'}
    return inner | (dict(pipeline=steps) if 'pipeline' in dataset else {})
