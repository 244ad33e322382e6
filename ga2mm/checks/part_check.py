"""Check of config parts, the dicts that a registry builds: their types and arguments."""

import inspect
from collections.abc import Callable
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, TestLoop, ValLoop

from ga2mm.anchors.negatives import read_negatives
from ga2mm.checks.registered import KINDS, class_of
from ga2mm.checks.signatures import arguments_of
from ga2mm.checks.value_check import check_value, shortened
from ga2mm.models.heads.anchor_calibration import AnchorCalibration
from ga2mm.objectives.build_objectives import AnchorArguments
from ga2mm.utils import nearest

DATASETS = ('dataset', 'anchors')
"""Keys of a dataset in a dataloader or in another dataset."""

TYPE_NEEDED = {
    'model', 'backbone', 'cls_head', 'text_prompt', 'vision_prompt', 'coupling', 'temporal',
    'data_preprocessor', 'optimizer', 'batch_sampler', 'visualizer',
}  # fmt: skip
"""Keys of single parts, which cannot be built without a ``type``."""

LISTS = ('pipeline', 'transforms', 'datasets', 'sources', 'strategies')
"""Keys of lists of parts."""

FREE = {
    'clip_grad', 'paramwise_cfg', 'metainfo', 'metric_options', 'init_kwargs', 'backend_args', 'arch',
    'norm_cfg', 'conv_cfg', 'act_cfg', 'non_local_cfg',
}  # fmt: skip
"""Keys of dicts that are not only built by a registry; their ``type`` may have another meaning."""

TYPED = ('ga2mm', 'mmengine', 'torch')
"""Packages with correct annotations; some of MMAction2's are wrong."""

WITHOUT_TYPE = {
    'model.anchors': AnchorArguments,
    'model.anchors.negatives': read_negatives,
    'model.test_cfg.anchor_calibration': AnchorCalibration,
}
"""Functions and classes that receive the arguments of dicts without a ``type``."""

LOOPS = {
    'train_cfg': (EpochBasedTrainLoop, IterBasedTrainLoop),
    'val_cfg': (ValLoop,),
    'test_cfg': (TestLoop,),
}
"""MMEngine's loops by top-level key."""

ADDED = {
    'HOOKS': {'priority'},
    'OPTIM_WRAPPERS': {'optimizer', 'constructor', 'paramwise_cfg'},
    'PARAM_SCHEDULERS': {'convert_to_iter_based', 'by_epoch', 'begin', 'end'},
}
"""Keys that MMEngine reads before it builds a part, by registry."""

LENGTHS = {'T_max', 'step_size', 'total_steps', 'total_iters', 'T_0'}
"""Scheduler arguments, in epochs or steps, that are used as divisors."""


def check_parts(place: str, value: Any, kind: str, sure: bool = True) -> None:
    """Check a part and all nested parts.

    Args:
        place: Key of the part.
        value: Config of the part.
        kind: Registry of its ``type``.
        sure: Whether an unregistered ``type`` is an error; False if a ``type`` may be no name in a registry.
    """
    if isinstance(value, list | tuple):
        for number, one in enumerate(value):
            check_parts(f'{place}[{number}]', one, kind, sure)
        return
    if not isinstance(value, dict):
        return
    cls = WITHOUT_TYPE.get(place)
    if cls is None and place.rpartition('.')[2] in TYPE_NEEDED:
        check_has_type(place, value)
    if 'type' in value:
        cls = class_of(place, value['type'], kind, value.get('_scope_'), sure)
    if cls is not None:
        arguments = {name: one for name, one in value.items() if name not in ('type', '_scope_', '_delete_')}
        _check_arguments(place, cls, arguments, kind)
    if kind == 'LOOPS' and inspect.isclass(cls):
        for other, loops in LOOPS.items():
            if other != place and issubclass(cls, loops):
                raise ValueError(f'{place}.type={value["type"]!r} is a loop for {other}, not for {place}')
    if kind == 'PARAM_SCHEDULERS':
        for name in LENGTHS & value.keys():
            if not (isinstance(value[name], int | float) and value[name] > 0):
                raise ValueError(f'{place}.{name}={shortened(value[name])}: give a number above 0')
    ours = getattr(cls, '__module__', '').startswith('ga2mm.')
    for name, one in value.items():
        if name == 'anchors' and one is None:
            continue
        if kind == 'DATASETS' and name in DATASETS:
            check_has_type(f'{place}.{name}', one)
        if name in LISTS:
            if not isinstance(one, list | tuple):
                raise ValueError(f'{place}.{name}={shortened(one)}: give a list of dict(type=..., ...)')
            for number, part in enumerate(one):
                if not callable(part):
                    check_has_type(f'{place}.{name}[{number}]', part)
        if name not in FREE:
            check_parts(f'{place}.{name}', one, KINDS.get(name, kind), sure=ours or name in KINDS)


def check_has_type(place: str, value: Any) -> None:
    """Raise a ValueError for a part that is not a dict with a ``type``."""
    if isinstance(value, dict) and 'type' in value:
        return
    like = nearest('type', value) if isinstance(value, dict) else None
    if like:
        raise ValueError(f"{place}: unknown key {like!r}; did you mean 'type'?")
    raise ValueError(f'{place}={shortened(value)}: give dict(type=..., ...)')


def _check_arguments(place: str, cls: Callable, arguments: dict[str, Any], kind: str) -> None:
    added = ADDED.get(kind, set())
    parameters, closed = arguments_of(cls)
    name = getattr(cls, '__name__', str(cls))
    typed = cls.__module__.split('.')[0] in TYPED and kind != 'PARAM_SCHEDULERS'  # epochs may be fractions
    for key, value in arguments.items():
        if key in parameters:
            if typed:
                check_value(f'{place}.{key}', value, parameters[key])
        elif closed and key not in added and key not in ('_scope_', '_delete_'):
            like = nearest(key, [*parameters, *added])
            meant = (
                f'; did you mean {like!r}?' if like else f'; it takes {", ".join(parameters) or "nothing"}'
            )
            raise ValueError(f'{place}: {name} does not take {key!r}{meant}')
