"""Check of config dicts without a ``type``, whose keys MMEngine fixes."""

import inspect
from typing import Any

from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.optim import DefaultOptimWrapperConstructor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from ga2mm.checks.part_check import check_has_type
from ga2mm.checks.value_check import check_keys, shortened
from ga2mm.utils import nearest

FIXED = {
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
}
"""Known keys of dicts without a ``type``."""

CLIPPING = {'norm': clip_grad_norm_, 'value': clip_grad_value_}
"""Functions that receive ``optim_wrapper.clip_grad``, by its type."""

LEAST = {
    'train_cfg.max_epochs': 1, 'train_cfg.max_iters': 1, 'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 0,
    'auto_scale_lr.base_batch_size': 1, 'log_processor.window_size': 1,
}  # fmt: skip
"""Lowest values of numbers that MMEngine uses without a check."""

OF_PARAMETERS = {
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult',
    'dwconv_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate',
}  # fmt: skip
"""Keys that ``DefaultOptimWrapperConstructor`` reads from ``paramwise_cfg``."""

OF_CUSTOM_KEYS = {'lr_mult', 'decay_mult'}

OF_TEST = {'anchor_calibration', 'frozen_share', 'max_testing_views', 'feature_extraction', 'fcn_test'}
"""Keys of ``model.test_cfg`` in ga2mm and MMAction2."""

OF_MMENGINE = {
    'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint', 'sync_buffers',
}  # fmt: skip
"""MMEngine's default hooks; None disables a hook."""

DEFAULT_HOOKS = {
    *OF_MMENGINE, 'anchor_calibration', 'checkpoint_safety', 'class_names', 'epoch_seed', 'unreadable_videos',
}  # fmt: skip
"""Default hooks of MMEngine and ga2mm. A config may add hooks whose names do not resemble these."""


def check_fixed(cfg: Config) -> None:
    """Check the dicts without a ``type``, whose keys MMEngine fixes.

    Raises:
        ValueError: A key is unknown or a value is invalid; the message has the key.
    """
    for place, known in FIXED.items():
        found: Any = cfg
        for key in place.split('.'):
            found = found.get(key) if isinstance(found, dict | Config) else None
        if found is not None:
            check_keys(place, found, known)
    _check_numbers(cfg)
    _check_statistics((cfg.get('log_processor') or {}).get('custom_cfg') or ())
    _check_hooks(cfg)
    if cfg.model.get('type') in ('CLIPRecognizer', 'ga2mm.CLIPRecognizer'):
        _check_recognizer(cfg.model)
    _check_optim_wrapper(cfg.get('optim_wrapper') or {})


def _check_numbers(cfg: Config) -> None:
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None and not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise ValueError(
            f'randomness.seed={shortened(seed)}: give None or a whole number from 0 to 2**32 - 1'
        )
    for place, least in LEAST.items():
        part, _, key = place.rpartition('.')
        value = (cfg.get(part) or {}).get(key, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f'{place}={shortened(value)}: give a whole number, {least} or more')


def _check_statistics(custom: Any) -> None:
    """Check the statistics in ``log_processor.custom_cfg``."""
    known = HistoryBuffer()._statistics_methods  # users may register more
    for number, one in enumerate(custom):
        method = one.get('method_name') if isinstance(one, dict) else None
        if method not in known:
            raise ValueError(
                f'log_processor.custom_cfg[{number}]={shortened(one)}: give data_src, and as method_name one '
                f'of {", ".join(known)}'
            )


def _check_hooks(cfg: Config) -> None:
    for name, hook in (cfg.get('default_hooks') or {}).items():
        place = f'default_hooks.{name}'
        if hook is not None or name not in OF_MMENGINE:
            check_has_type(place, hook)
        like = nearest(name, DEFAULT_HOOKS, 0.8)
        if like and name not in DEFAULT_HOOKS:
            raise ValueError(f'default_hooks: {name!r} is not a default hook; did you mean {like!r}?')
        _check_hook(place, hook)
    for number, hook in enumerate(cfg.get('custom_hooks') or ()):
        check_has_type(f'custom_hooks[{number}]', hook)
        _check_hook(f'custom_hooks[{number}]', hook)


def _check_recognizer(model: dict[str, Any]) -> None:
    if model.get('test_cfg') is not None:
        check_keys('model.test_cfg', model['test_cfg'], OF_TEST)
    preprocessor = model.get('data_preprocessor') or {}
    for name in ('mean', 'std'):
        values = preprocessor.get(name)
        if values is not None and not (isinstance(values, list | tuple) and len(values) == 3):
            raise ValueError(
                f'model.data_preprocessor.{name}={shortened(values)}: give 3 numbers, one for each colour'
            )


def _check_optim_wrapper(wrapper: dict[str, Any]) -> None:
    clipping = wrapper.get('clip_grad')
    if clipping is not None:
        _check_clipping(clipping)
    constructor = wrapper.get('constructor', DefaultOptimWrapperConstructor.__name__)
    if constructor != DefaultOptimWrapperConstructor.__name__:
        return
    if not isinstance(wrapper.get('optimizer'), dict) and wrapper:
        raise ValueError(f'optim_wrapper.optimizer={wrapper.get("optimizer")!r}: give dict(type=..., lr=...)')
    by_parameter = wrapper.get('paramwise_cfg')
    if by_parameter is not None:
        place = 'optim_wrapper.paramwise_cfg'
        check_keys(place, by_parameter, OF_PARAMETERS)
        for name, rates in (by_parameter.get('custom_keys') or {}).items():
            check_keys(f'{place}.custom_keys[{name!r}]', rates, OF_CUSTOM_KEYS)


def _check_hook(place: str, hook: dict[str, Any] | None) -> None:
    if hook and str(hook['type']).endswith('VisualizationHook') and hook.get('enable'):
        raise ValueError(
            f"{place}: MMAction2's VisualizationHook cannot draw CLIP's inputs; set enable=False"
        )


def _check_clipping(config: Any) -> None:
    place = 'optim_wrapper.clip_grad'
    kind = config.get('type', 'norm') if isinstance(config, dict) else 'norm'
    if kind not in CLIPPING:
        raise ValueError(f'{place}.type={shortened(kind)}: use one of {", ".join(CLIPPING)}')
    check_keys(place, config, {'type', *inspect.signature(CLIPPING[kind]).parameters} - {'parameters'})
