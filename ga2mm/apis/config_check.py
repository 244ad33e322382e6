"""What can be wrong with the keys and values of a run's config, found before anything is built."""

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from mmengine import registry as mmengine_registry
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, TestLoop, ValLoop
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from ga2mm.anchors.anchor_objective import AnchorObjective
from ga2mm.anchors.negatives import read_negatives
from ga2mm.registry import ANCHOR_STRATEGIES

DATASETS = ('dataset', 'anchors')
"""Keys of a dataset, in a dataloader or another dataset."""

TYPE_NEEDED = {
    'model', 'backbone', 'cls_head', 'text_prompt', 'vision_prompt', 'coupling', 'temporal',
    'data_preprocessor', 'optimizer', 'batch_sampler', 'visualizer',
}  # fmt: skip
"""Keys of single parts, which cannot be built without a ``type``."""

LISTS = ('pipeline', 'transforms', 'datasets', 'sources', 'strategies')
"""Keys of lists of parts."""

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')

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
"""The registry that the ``type`` of a dict under a key is looked up in, and of the dicts below it."""

OTHERS = sorted({*KINDS.values(), 'TASK_UTILS', 'EVALUATOR'})
"""Where a ``type`` is looked up that is not where its key says."""

FREE = {
    'clip_grad', 'paramwise_cfg', 'metainfo', 'metric_options', 'init_kwargs', 'backend_args', 'arch',
    'norm_cfg', 'conv_cfg', 'act_cfg', 'non_local_cfg',
}  # fmt: skip
"""Keys whose dicts are not built by a registry alone: a ``type`` in them may mean something else."""

TYPED = ('ga2mm', 'mmengine', 'torch')
"""Packages whose annotations are right. Some of MMAction2's are not."""

WITHOUT_TYPE = {'model.anchors': AnchorObjective, 'model.anchors.negatives': read_negatives}
"""What the arguments in a dict without a ``type`` go to."""

DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'log_processor': 'LogProcessor',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
}
"""What MMEngine builds where a dict at the top level has no ``type``."""

LOOPS = {
    'train_cfg': (EpochBasedTrainLoop, IterBasedTrainLoop),
    'val_cfg': (ValLoop,),
    'test_cfg': (TestLoop,),
}
"""MMEngine's loops by the key at the top level that they are for."""

ADDED = {
    'HOOKS': {'priority'},
    'OPTIM_WRAPPERS': {'optimizer', 'constructor', 'paramwise_cfg'},
    'PARAM_SCHEDULERS': {'convert_to_iter_based', 'by_epoch', 'begin', 'end'},
}
"""Keys that MMEngine reads before it builds what a registry holds."""

FIXED = {
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
}
"""The keys of dicts without a ``type``."""

CLIPPING = {'norm': clip_grad_norm_, 'value': clip_grad_value_}
"""What ``optim_wrapper.clip_grad`` goes to, by its type."""

LENGTHS = {'T_max', 'step_size', 'total_steps', 'total_iters', 'T_0'}
"""Arguments of schedulers that they divide by, epochs or steps."""

LEAST = {
    'train_cfg.max_epochs': 1, 'train_cfg.max_iters': 1, 'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 0,
    'auto_scale_lr.base_batch_size': 1, 'log_processor.window_size': 1,
}  # fmt: skip
"""The least of numbers that MMEngine does not look at before it uses them."""

OF_PARAMETERS = {
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult',
    'dwconv_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate',
}  # fmt: skip
"""What ``DefaultOptimWrapperConstructor`` reads of ``paramwise_cfg``."""

OF_CUSTOM_KEYS = {'lr_mult', 'decay_mult'}

OF_TEST = {'frozen_share', 'max_testing_views', 'feature_extraction', 'fcn_test'}
"""Keys of ``model.test_cfg``, ours and MMAction2's."""

OF_MMENGINE = {
    'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint', 'sync_buffers',
}  # fmt: skip
"""MMEngine's default hooks, each of which None leaves out."""

DEFAULT_HOOKS = {*OF_MMENGINE, 'checkpoint_safety', 'class_names', 'epoch_seed', 'unreadable_videos'}
"""Those and ours. A config may add others that resemble none of them."""

TOGETHER = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)
"""Keys that a config has together or not at all."""


def check_config(cfg: Config, parts: Collection[str] | None = None) -> None:
    """Check a run's config without building anything.

    The keys of every dict with a ``type``, and of those whose keys MMEngine fixes, are compared with what the
    class takes, and plain values with its annotations. What a class takes as ``**kwargs`` is followed to the
    classes that it hands them to, and let through where it keeps them.

    Args:
        cfg: The config.
        parts: The keys at its top level to check; None for all of them, and for what a run cannot do without.

    Raises:
        ValueError: There is no model, a key is unknown (the message names the nearest right one), a ``type``
            is not registered, or a value is of another kind than the class says.
    """
    if parts is None and not cfg.get('model'):
        raise ValueError(f'{cfg.filename or "the config"} has no model=dict(...): it is no config of a run')
    scope = cfg.get('default_scope')
    if scope is not None and not isinstance(scope, str):
        raise ValueError(f"default_scope={scope!r}: give a name, such as 'ga2mm'")
    runner = _parameters(Runner.__init__)
    for key, value in cfg.items():
        if key in runner and key in (parts or runner):
            _check_value(key, value, runner[key], built=True)
    for keys in () if parts else TOGETHER:
        missing = [key for key in keys if cfg.get(key) is None]
        if missing and len(missing) < len(keys):
            raise ValueError(f'{missing[0]} is missing, but there is a {min(set(keys) - set(missing))}')
    with DefaultScope.overwrite_default_scope(scope):
        for key in parts or (*runner, *MORE_KEYS):
            if key in DATALOADERS:
                for place, loader in _dataloaders(key, cfg.get(key)):
                    _check_dataloader(place, loader, whole=parts is None)
            elif key in KINDS:
                _check_parts(key, _with_type(key, cfg.get(key)), KINDS[key])
    if parts is None:
        _check_fixed(cfg)


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most like a name; None where none is."""
    by_lower = {str(one).lower(): str(one) for one in known}
    found = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def runner_keys() -> set[str]:
    """The keys at a config's top level that MMEngine, MMAction2 and we read."""
    return {*_parameters(Runner.__init__), *MORE_KEYS} - {'cfg'}


MORE_KEYS = {
    'compile', 'model_wrapper_cfg', 'custom_imports', 'env_variables', 'runner_type', 'strategy', 'sync_bn',
    'find_unused_parameters', 'activation_checkpointing', 'efficient_conv_bn_eval', 'tta_model',
    'tta_pipeline', 'tta_cfg', 'tta_dataloader', 'tta_evaluator',
}  # fmt: skip
"""Keys that are read beside the runner's arguments."""


def _dataloaders(key: str, config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, config) of each dataloader under a key."""
    if config is None:
        return
    if not isinstance(config, dict) or not config:
        raise ValueError(f'{key}={config!r}: give dict(dataset=dict(...), ...)')
    if key != 'test_dataloader' or 'dataset' in config or 'batch_size' in config:
        yield key, config
        return
    for name, value in config.items():
        splits = value if isinstance(value, list | tuple) else [value]
        if not splits or not all(isinstance(split, dict) for split in splits):
            raise ValueError(
                f'{key}.{name}={value!r}: give dict(dataset=dict(...), ...), or a list of them for the '
                'splits of one dataset'
            )
        for number, split in enumerate(splits):
            yield f'{key}.{name}[{number}]' if isinstance(value, list | tuple) else f'{key}.{name}', split


def _check_dataloader(place: str, loader: dict[str, Any], whole: bool) -> None:
    parameters = _parameters(DataLoader.__init__)
    _check_keys(place, loader, {*parameters, 'num_batch_per_epoch', 'disable_subprocess_warning'})
    for name in ('dataset', 'sampler') if whole else ('dataset',):
        part = loader.get(name)
        if not (isinstance(part, dict) and 'type' in part):
            raise ValueError(_no_type(f'{place}.{name}', part))
    if not place.startswith('train') and str((loader.get('sampler') or {}).get('type')).startswith(
        'Infinite'
    ):
        raise ValueError(f'{place}.sampler.type={loader["sampler"]["type"]!r} never ends: use DefaultSampler')
    if (loader.get('collate_fn') or {}).get('type') == 'default_collate':
        raise ValueError(
            f"{place}.collate_fn: 'default_collate' takes no data samples; take 'pseudo_collate'"
        )
    for name in ('batch_size', 'num_workers'):
        value = loader.get(name)
        least = name == 'batch_size'
        if name in loader and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise ValueError(f'{place}.{name}={value!r}: give a whole number, {int(least)} or more')
    if whole and 'batch_size' not in loader:
        raise ValueError(f'{place} has no batch_size')
    for name, value in loader.items():
        if name in KINDS:
            _check_parts(f'{place}.{name}', value, KINDS[name])
        elif name != 'batch_size' and name in parameters:
            _check_value(f'{place}.{name}', value, parameters[name])


def _with_type(key: str, config: Any) -> Any:
    """A part at the top level with the type that MMEngine gives it where it has none."""
    if not isinstance(config, dict) or 'type' in config:
        return config
    if key in DEFAULT_TYPES and 'constructor' not in config:
        return dict(config, type=DEFAULT_TYPES[key])
    if key == 'train_cfg' and isinstance(config.get('by_epoch'), bool):
        rest = {name: value for name, value in config.items() if name != 'by_epoch'}
        return dict(rest, type='EpochBasedTrainLoop' if config['by_epoch'] else 'IterBasedTrainLoop')
    return config


def _check_parts(place: str, value: Any, kind: str, sure: bool = True) -> None:
    """Check a part and all that it is built of.

    Args:
        place: Its key.
        value: Its config.
        kind: The registry that its ``type`` is looked up in.
        sure: Whether it is known that a ``type`` is a name in a registry.
    """
    if isinstance(value, list | tuple):
        for number, one in enumerate(value):
            _check_parts(f'{place}[{number}]', one, kind, sure)
        return
    if not isinstance(value, dict):
        return
    cls = WITHOUT_TYPE.get(place)
    if cls is None and 'type' not in value and place.rpartition('.')[2] in TYPE_NEEDED:
        raise ValueError(_no_type(place, value))
    if 'type' in value:
        cls = _class_of(place, value['type'], kind, value.get('_scope_'), sure)
    if cls is not None:
        arguments = {name: one for name, one in value.items() if name not in ('type', '_scope_', '_delete_')}
        _check_arguments(place, cls, arguments, kind)
    if kind == 'LOOPS' and inspect.isclass(cls):
        for other, loops in LOOPS.items():
            if other != place and issubclass(cls, loops):
                raise ValueError(f'{place}.type={value["type"]!r} is a loop for {other}')
    if kind == 'PARAM_SCHEDULERS':
        for name in LENGTHS & value.keys():
            if not (isinstance(value[name], int | float) and value[name] > 0):
                raise ValueError(f'{place}.{name}={_short(value[name])}: give a number above 0')
    ours = getattr(cls, '__module__', '').startswith('ga2mm.')
    for name, one in value.items():
        if name == 'anchors' and one is None:
            continue
        if kind == 'DATASETS' and name in DATASETS and not (isinstance(one, dict) and 'type' in one):
            raise ValueError(_no_type(f'{place}.{name}', one))
        if name in LISTS:
            _check_list(f'{place}.{name}', one)
        if name not in FREE:
            _check_parts(f'{place}.{name}', one, KINDS.get(name, kind), sure=ours or name in KINDS)


def _check_list(place: str, value: Any) -> None:
    if not isinstance(value, list | tuple):
        raise ValueError(f'{place}={_short(value)}: give a list of dict(type=..., ...)')
    for number, one in enumerate(value):
        if not callable(one) and not (isinstance(one, dict) and 'type' in one):
            raise ValueError(_no_type(f'{place}[{number}]', one))


def _no_type(place: str, value: Any) -> str:
    """What is wrong with a part that is no dict with a ``type``."""
    like = nearest('type', value) if isinstance(value, dict) else None
    if like:
        return f"{place}: unknown key {like!r}; did you mean 'type'?"
    return f'{place}={_short(value)}: give dict(type=..., ...)'


def _class_of(place: str, name: Any, kind: str, scope: str | None, sure: bool) -> Callable | None:
    """What a ``type`` names; None where that cannot be known.

    Raises:
        ValueError: It is not registered.
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
    """The registry of a kind in a scope, by default the current one; the root's where the scope has none."""
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
    except (KeyError, ImportError):  # of a scope or package that is not installed
        return None


def _names(kind: str) -> list[str]:
    """The names in a registry and in its parents; they are there once something has been looked up."""
    registry, found = _registry(kind), []
    while registry is not None:
        found += list(registry.module_dict)
        registry = registry.parent
    return found or ['...']


def _check_arguments(place: str, cls: Callable, arguments: dict[str, Any], kind: str) -> None:
    added = ADDED.get(kind, set())
    parameters, closed = arguments_of(cls)
    name = getattr(cls, '__name__', str(cls))
    typed = cls.__module__.split('.')[0] in TYPED and kind != 'PARAM_SCHEDULERS'  # these take parts of epochs
    for key, value in arguments.items():
        if key in parameters:
            if typed:
                _check_value(f'{place}.{key}', value, parameters[key])
        elif closed and key not in added and key not in ('_scope_', '_delete_'):
            like = nearest(key, [*parameters, *added])
            meant = (
                f'; did you mean {like!r}?' if like else f', it takes {", ".join(parameters) or "nothing"}'
            )
            raise ValueError(f'{place}: {name} does not take {key!r}{meant}')


@cache
def arguments_of(cls: Callable) -> tuple[Mapping[str, inspect.Parameter], bool]:
    """The arguments that a class or function takes by name, and whether it takes no others."""
    if not inspect.isclass(cls):
        try:
            parameters = inspect.signature(cls).parameters
        except (TypeError, ValueError):
            return {}, False
        closed = all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters.values())
        return {name: one for name, one in parameters.items() if _by_name(one)}, closed
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        own = vars(base).get('__init__')
        if own is None:
            continue
        if not inspect.isfunction(own):
            return found, base is object  # a class of C
        parameters = _parameters(own)
        for name, one in parameters.items():
            if _by_name(one):
                found.setdefault(name, one)
        taken = [one.name for one in parameters.values() if one.kind is inspect.Parameter.VAR_KEYWORD]
        if not taken:
            return found, True
        if base is CheckpointHook:
            return _parameters(Runner.save_checkpoint) | found, True  # it hands them on when it saves
        if not _hands_on(own, taken[0]):
            return found, False
    return found, False


def _by_name(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@cache
def _parameters(function: Callable) -> dict[str, inspect.Parameter]:
    """A method's parameters without ``self``, with annotations that are classes where they can be known."""
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop('self', None)
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # a name that only type checkers import
        hints = {}
    empty = inspect.Parameter.empty
    return {name: one.replace(annotation=hints.get(name, empty)) for name, one in parameters.items()}


@cache
def _hands_on(function: Callable, keywords: str) -> bool:
    """Whether a constructor hands its ``**kwargs`` to its parent's, and does nothing else with them."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return False
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == keywords]
    handed = [
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == '__init__'
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == 'super'
        for keyword in node.keywords
        if keyword.arg is None
    ]
    return len(used) == 1 and used == handed


def _check_value(place: str, value: Any, parameter: inspect.Parameter, built: bool = False) -> None:
    """Check a plain value against an annotation.

    Args:
        place: Its key.
        value: The value.
        parameter: What takes it.
        built: Whether a class in the annotation can only come from a dict.
    """
    if value is None and parameter.default is None:
        return
    if not _fits(value, parameter.annotation, built):
        raise ValueError(f'{place}={_short(value)}: give {" or ".join(_said(parameter.annotation))}')


IN_WORDS = {
    bool: 'True or False', int: 'a whole number', float: 'a number', str: 'a string', list: 'a list',
    tuple: 'a tuple', Sequence: 'a list', Iterable: 'a list', dict: 'a dict', Mapping: 'a dict',
    PathLike: 'a path', Path: 'a path', types.NoneType: 'None', None: 'None', Callable: 'a function',
}  # fmt: skip


def _said(hint: Any) -> list[str]:
    """The kinds of values of an annotation, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return list(dict.fromkeys(word for one in arguments for word in _said(one)))
    if origin is typing.Literal:
        return [repr(one) for one in arguments]
    kind = origin or hint
    return [IN_WORDS.get(kind, 'a dict' if inspect.isclass(kind) else str(kind))]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:80]}...'


def _fits(value: Any, hint: Any, built: bool) -> bool:
    """Whether a value may be of an annotated type; True wherever that cannot be known."""
    plain = (bool, int, float, str, list, tuple, dict)
    if value is not None and not isinstance(value, plain):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one, built) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    kind = origin or hint
    if kind in (None, types.NoneType):
        return value is None
    if kind is bool:
        return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))
    if kind is int:
        return isinstance(value, int)
    if kind is float:
        return isinstance(value, int | float)
    if kind is str:
        return isinstance(value, str)
    if kind in (list, tuple):
        return isinstance(value, list | tuple) and _all_fit(value, arguments, built)
    if kind in (Sequence, Iterable):
        return isinstance(value, list | tuple | str) and (
            isinstance(value, str) or _all_fit(value, arguments, built)
        )
    if kind in (Path, PathLike):
        return isinstance(value, str)
    if kind in (dict, Mapping):
        return isinstance(value, dict)
    return isinstance(value, dict) if built and inspect.isclass(kind) and kind is not object else True


def _all_fit(values: Sequence, hints: tuple, built: bool) -> bool:
    hints = [hint for hint in hints if hint is not Ellipsis]
    return len(hints) != 1 or all(_fits(value, hints[0], built) for value in values)


def _check_keys(place: str, config: Any, known: Collection[str]) -> None:
    if not isinstance(config, dict):
        raise ValueError(f'{place}={_short(config)}: give a dict of {", ".join(sorted(known))}')
    for key in config:
        if key not in known and key not in ('_scope_', '_delete_'):
            like = nearest(key, known)
            meant = f'did you mean {like!r}?' if like else f'known are {", ".join(sorted(known))}'
            raise ValueError(f'{place}: unknown key {key!r}; {meant}')


def _check_clipping(config: Any) -> None:
    place = 'optim_wrapper.clip_grad'
    kind = config.get('type', 'norm') if isinstance(config, dict) else 'norm'
    if kind not in CLIPPING:
        raise ValueError(f'{place}.type={_short(kind)}: use one of {", ".join(CLIPPING)}')
    _check_keys(place, config, {'type', *inspect.signature(CLIPPING[kind]).parameters} - {'parameters'})


def _check_hook(place: str, hook: dict[str, Any] | None) -> None:
    if hook and str(hook['type']).endswith('VisualizationHook') and hook.get('enable'):
        raise ValueError(
            f"{place}: MMAction2's VisualizationHook draws no inputs of a CLIP; take enable=False"
        )


def _check_fixed(cfg: Config) -> None:
    """Check the dicts without a ``type`` whose keys MMEngine reads one by one."""
    for place, known in FIXED.items():
        found: Any = cfg
        for key in place.split('.'):
            found = found.get(key) if isinstance(found, dict | Config) else None
        if found is not None:
            _check_keys(place, found, known)
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None and not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise ValueError(f'randomness.seed={_short(seed)}: give None or a whole number from 0 to 2**32 - 1')
    for place, least in LEAST.items():
        part, _, key = place.rpartition('.')
        value = (cfg.get(part) or {}).get(key, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f'{place}={_short(value)}: give a whole number, {least} or more')
    statistics = HistoryBuffer()._statistics_methods  # users may register more
    for number, one in enumerate((cfg.get('log_processor') or {}).get('custom_cfg') or ()):
        method = one.get('method_name') if isinstance(one, dict) else None
        if method not in statistics:
            raise ValueError(
                f'log_processor.custom_cfg[{number}]={_short(one)}: give data_src, and as method_name one of '
                f'{", ".join(statistics)}'
            )
    for name, hook in (cfg.get('default_hooks') or {}).items():
        place = f'default_hooks.{name}'
        none = hook is None and name in OF_MMENGINE
        if not none and not (isinstance(hook, dict) and 'type' in hook):
            raise ValueError(_no_type(place, hook))
        like = nearest(name, DEFAULT_HOOKS, 0.8)
        if like and name not in DEFAULT_HOOKS:
            raise ValueError(f'default_hooks: {name!r} is no default hook; did you mean {like!r}?')
        _check_hook(place, hook)
    for number, hook in enumerate(cfg.get('custom_hooks') or ()):
        if not (isinstance(hook, dict) and 'type' in hook):
            raise ValueError(_no_type(f'custom_hooks[{number}]', hook))
        _check_hook(f'custom_hooks[{number}]', hook)
    if cfg.model.get('type') == 'CLIPRecognizer' and cfg.model.get('test_cfg') is not None:
        _check_keys('model.test_cfg', cfg.model.test_cfg, OF_TEST)
    preprocessor = cfg.model.get('data_preprocessor') or {}
    for name in ('mean', 'std') if cfg.model.get('type') == 'CLIPRecognizer' else ():
        values = preprocessor.get(name)
        if values is not None and not (isinstance(values, list | tuple) and len(values) == 3):
            raise ValueError(
                f'model.data_preprocessor.{name}={_short(values)}: give 3 numbers, of each colour'
            )
    wrapper = cfg.get('optim_wrapper') or {}
    clipping = wrapper.get('clip_grad')
    if clipping is not None:
        _check_clipping(clipping)
    constructor = wrapper.get('constructor', DefaultOptimWrapperConstructor.__name__)
    if constructor == DefaultOptimWrapperConstructor.__name__:
        if not isinstance(wrapper.get('optimizer'), dict) and wrapper:
            raise ValueError(
                f'optim_wrapper.optimizer={wrapper.get("optimizer")!r}: give dict(type=..., lr=...)'
            )
        by_parameter = wrapper.get('paramwise_cfg')
        if by_parameter is not None:
            place = 'optim_wrapper.paramwise_cfg'
            _check_keys(place, by_parameter, OF_PARAMETERS)
            for name, rates in (by_parameter.get('custom_keys') or {}).items():
                _check_keys(f'{place}.custom_keys[{name!r}]', rates, OF_CUSTOM_KEYS)
