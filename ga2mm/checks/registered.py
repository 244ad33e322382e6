"""Look-up of the classes that a config's ``type`` keys name."""

from collections.abc import Callable
from typing import Any

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import nearest

KINDS = {
    'model': 'MODELS', 'data_preprocessor': 'MODELS', 'model_wrapper_cfg': 'MODEL_WRAPPERS',
    'init_cfg': 'WEIGHT_INITIALIZERS', 'strategies': 'ANCHOR_STRATEGIES',
    'dataset': 'DATASETS', 'datasets': 'DATASETS', 'pipeline': 'TRANSFORMS', 'transforms': 'TRANSFORMS',
    'sampler': 'DATA_SAMPLERS', 'batch_sampler': 'DATA_SAMPLERS',
    'train_cfg': 'LOOPS', 'val_cfg': 'LOOPS', 'test_cfg': 'LOOPS',
    'val_evaluator': 'METRICS', 'test_evaluator': 'METRICS', 'metrics': 'METRICS',
    'default_hooks': 'HOOKS', 'custom_hooks': 'HOOKS', 'optim_wrapper': 'OPTIM_WRAPPERS',
    'optimizer': 'OPTIMIZERS', 'param_scheduler': 'PARAM_SCHEDULERS', 'log_processor': 'LOG_PROCESSORS',
    'visualizer': 'VISUALIZERS', 'vis_backends': 'VISBACKENDS',
}  # fmt: skip
"""Registry of the ``type`` of a dict, and of its nested dicts, by the dict's key."""

OTHERS = sorted({*KINDS.values(), 'TASK_UTILS', 'EVALUATOR'})
"""Registries for a ``type`` that is not in the registry of its key."""


def class_of(place: str, name: Any, kind: str, scope: str | None, sure: bool) -> Callable | None:
    """Give the class or function that a ``type`` names; None if it cannot be determined.

    Raises:
        ValueError: The name is not registered.
    """
    if not isinstance(name, str) or not name:
        if callable(name):
            return name
        raise ValueError(f"{place}.type={name!r}: give the name of a class, such as '{_names(kind)[0]}'")
    found = _look_up(name, kind, scope)
    if found is None:
        found = next(filter(None, (_look_up(name, other, scope) for other in OTHERS if other != kind)), None)
    if found is not None or not sure or '.' in name:
        return found
    known = _names(kind)
    like = nearest(name, known)
    meant = f'; did you mean {like!r}?' if like else ''
    raise ValueError(f'{place}.type={name!r} is not in the registry of {kind}{meant}')


def _registry(kind: str, scope: str | None = None) -> Registry | None:
    """Give the registry of a kind in a scope (default: the current one), or MMEngine's if it has none."""
    if kind == 'ANCHOR_STRATEGIES':
        return ANCHOR_STRATEGIES
    root = getattr(mmengine_registry, kind, None)
    if not isinstance(root, Registry):
        return None
    with root.switch_scope_and_registry(scope) as found:
        return found


def _look_up(name: str, kind: str, scope: str | None) -> Callable | None:
    try:
        registry = _registry(kind, scope)
        return None if registry is None else registry.get(name)
    except (KeyError, ImportError):  # the scope or package is not installed
        return None


def _names(kind: str) -> list[str]:
    """Give the names in a registry and its parents, which are complete after the first look-up."""
    registry, found = _registry(kind), []
    while registry is not None:
        found += list(registry.module_dict)
        registry = registry.parent
    return found or ['...']
