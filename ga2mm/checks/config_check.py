"""Check of a run's config, its keys and values, before anything is built."""

from collections.abc import Collection, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ga2mm.checks.fixed_keys import check_fixed
from ga2mm.checks.part_check import check_has_type, check_parts
from ga2mm.checks.registered import KINDS
from ga2mm.checks.runner_keys import MORE_KEYS
from ga2mm.checks.signatures import parameters_of
from ga2mm.checks.value_check import check_keys, check_value
from ga2mm.engine.protocol_test_sets import are_configs, named_sets

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')

DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'log_processor': 'LogProcessor',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
}
"""Types that MMEngine builds for top-level dicts without a ``type``."""

TOGETHER = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)
"""Groups of keys of which a config has all or none."""


def check_config(cfg: Config, parts: Collection[str] | None = None) -> None:
    """Check a run's config without building anything.

    In each dict with a ``type``, keys are compared with the class's parameters and plain values with its
    annotations. Keys of dicts without a ``type`` are compared with those that MMEngine reads. If a class
    passes its ``**kwargs`` to its parents, the parents' parameters count too; if it keeps them, any key is
    accepted.

    Args:
        cfg: The config.
        parts: Top-level keys to check; None for all, including the keys that a run requires.

    Raises:
        ValueError: The model is missing, a key is unknown (the message suggests the nearest known key), a
            ``type`` is not registered, or a value has the wrong type.
    """
    if parts is None and not cfg.get('model'):
        raise ValueError(f'{cfg.filename or "the config"} has no model=dict(...): give the config of a run')
    scope = cfg.get('default_scope')
    if scope is not None and not isinstance(scope, str):
        raise ValueError(f"default_scope={scope!r}: give a name, such as 'ga2mm'")
    runner = parameters_of(Runner.__init__)
    for key, value in cfg.items():
        if key in runner and key in (parts or runner):
            check_value(key, value, runner[key], built=True)
    for keys in () if parts else TOGETHER:
        missing = [key for key in keys if cfg.get(key) is None]
        if missing and len(missing) < len(keys):
            raise ValueError(f'{missing[0]} is missing, but {min(set(keys) - set(missing))} is set')
    with DefaultScope.overwrite_default_scope(scope):
        for key in parts or (*runner, *MORE_KEYS):
            if key in DATALOADERS:
                for place, loader in _dataloaders(key, cfg.get(key)):
                    _check_dataloader(place, loader, whole=parts is None)
            elif key in KINDS:
                check_parts(key, _with_type(key, cfg.get(key)), KINDS[key])
    if parts is None:
        check_fixed(cfg)


def _dataloaders(key: str, config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give (place, config) of each dataloader under a key."""
    if config is None:
        return
    if not isinstance(config, dict) or not config:
        raise ValueError(f'{key}={config!r}: give dict(dataset=dict(...), ...)')
    if key != 'test_dataloader' or 'dataset' in config or 'batch_size' in config:
        yield key, config
        return
    for name, value in config.items():
        if not are_configs(value):
            raise ValueError(
                f'{key}.{name}={value!r}: give dict(dataset=dict(...), ...), or a list of them for the '
                'splits of one dataset'
            )
    for _, place, loader in named_sets(config):
        yield f'{key}.{place}', loader


def _check_dataloader(place: str, loader: dict[str, Any], whole: bool) -> None:
    parameters = parameters_of(DataLoader.__init__)
    check_keys(place, loader, {*parameters, 'num_batch_per_epoch', 'disable_subprocess_warning'})
    for name in ('dataset', 'sampler') if whole else ('dataset',):
        check_has_type(f'{place}.{name}', loader.get(name))
    if not place.startswith('train') and str((loader.get('sampler') or {}).get('type')).startswith(
        'Infinite'
    ):
        raise ValueError(f'{place}.sampler.type={loader["sampler"]["type"]!r} never ends: use DefaultSampler')
    if (loader.get('collate_fn') or {}).get('type') == 'default_collate':
        raise ValueError(
            f"{place}.collate_fn: 'default_collate' cannot collate data samples; use 'pseudo_collate'"
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
            check_parts(f'{place}.{name}', value, KINDS[name])
        elif name != 'batch_size' and name in parameters:
            check_value(f'{place}.{name}', value, parameters[name])


def _with_type(key: str, config: Any) -> Any:
    """Give a top-level part with MMEngine's default type if it has no ``type``."""
    if not isinstance(config, dict) or 'type' in config:
        return config
    if key in DEFAULT_TYPES and 'constructor' not in config:
        return dict(config, type=DEFAULT_TYPES[key])
    if key == 'train_cfg' and isinstance(config.get('by_epoch'), bool):
        rest = {name: value for name, value in config.items() if name != 'by_epoch'}
        return dict(rest, type='EpochBasedTrainLoop' if config['by_epoch'] else 'IterBasedTrainLoop')
    return config
