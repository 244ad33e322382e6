"""Trial of a config's metrics on two artificial predictions before a run."""

from typing import Any

import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.evaluator import DumpResults
from mmengine.registry import METRICS, DefaultScope

from ga2mm.structures import set_gt_label, set_scores

CLASSES = 10
PACKAGES = ('ga2mm', 'mmaction', 'mmengine')
"""Packages whose metrics are tried; a user's metric is not, since it may write files."""


def check_metrics(cfg: Config, key: str) -> set[str] | None:
    """Evaluate two predictions with each metric.

    Otherwise an invalid argument raises an error only when the metric computes, after hours of testing.

    Args:
        cfg: The config.
        key: ``'val_evaluator'`` or ``'test_evaluator'``.

    Returns:
        The names of the computed values; None if some metric cannot be tried.

    Raises:
        ValueError: A metric cannot be built or fails; the message has its key.
    """
    config = cfg.get(key)
    if config is None:
        return None
    names: set[str] | None = set()
    listed = config if isinstance(config, list | tuple) else [config]
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        for number, one in enumerate(listed):
            place = f'{key}[{number}]' if listed is config else key
            try:
                found = _try(one)
            except Exception as error:  # metrics raise errors of any type
                said = ' '.join(str(error).split())
                raise ValueError(
                    f'{place} ({one.get("type")}) fails on predictions: {type(error).__name__}: {said}'
                ) from error
            names = None if names is None or found is None else names | found
    return names


def _try(config: dict[str, Any]) -> set[str] | None:
    if 'type' not in config:
        return None
    cls = config['type']
    if isinstance(cls, str):
        with METRICS.switch_scope_and_registry(None) as registry:
            cls = registry.get(cls)
    if cls is DumpResults or getattr(cls, '__module__', '').split('.')[0] not in PACKAGES:
        return None
    metric = METRICS.build(config)
    samples = []
    for label in range(2):
        sample = ActionDataSample()
        set_gt_label(sample, label)
        set_scores(sample, torch.linspace(0, 1, CLASSES).softmax(dim=0))
        samples.append(sample.to_dict())
    metric.process(data_batch={}, data_samples=samples)
    return set(metric.evaluate(len(samples)))
