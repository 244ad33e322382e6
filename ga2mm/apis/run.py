"""Training and testing by config, for the command line tools and the benchmarks."""

import copy
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from ga2mm.apis.config import config_errors, read_config
from ga2mm.checks.config_check import DATALOADERS, check_config
from ga2mm.checks.config_lists import CALIBRATION, Finding, innermost_datasets
from ga2mm.checks.metric_check import check_metrics
from ga2mm.checks.pipeline_check import check_pipelines
from ga2mm.checks.split_check import check_test_config, check_train_config
from ga2mm.engine import prepare_distributed
from ga2mm.engine.protocol_test_sets import named_sets


def train(cfg: Config) -> Runner:
    """Train a model without building the test sets.

    Args:
        cfg: The run's config, with ``work_dir`` and ``launcher``; changed in place.

    Returns:
        The runner after training.

    Raises:
        ValueError: The config is wrong, the model has no learnable parameters, the lists are wrong (training
            videos in a test list, a class that is both base and novel, ...), or the best checkpoint would be
            selected on test videos.
    """
    check_config(cfg)
    if cfg.get('train_dataloader') is None:
        raise ValueError('this config has no train_dataloader, so there is nothing to train on')
    _check_selection(cfg)
    _stop_at_errors(check_train_config(cfg, look_for_videos=True))
    check_pipelines(cfg, [*DATALOADERS, CALIBRATION])
    _check_best(cfg, check_metrics(cfg, 'val_evaluator'))
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    _pin_memory(cfg.train_dataloader, cfg.get('val_dataloader'))
    prepare_distributed(cfg)
    with config_errors(cfg):
        runner = Runner.from_cfg(_with_accumulation_in_the_rate(cfg))
        if not learns(runner.model):
            raise ValueError(
                'this config learns nothing, so there is nothing to train: give it to tools/test.py'
            )
        runner.train()
    return runner


def test(cfg: Config, checkpoint: str | Path | None = None) -> dict[str, float]:
    """Test a model on every test set without building the parts for training.

    Args:
        cfg: The run's config, with ``work_dir`` and ``launcher``; changed in place.
        checkpoint: The checkpoint of a run; None for a model without learnable parameters.

    Returns:
        The metrics, as fractions.

    Raises:
        ValueError: The config is wrong, the checkpoint does not fit the model or is missing although the
            model has learnable parameters, or the lists are wrong (training videos in a test list, a list
            whose videos are all missing, ...).
    """
    check_config(cfg)
    if cfg.get('test_dataloader') is None:
        raise ValueError('this config has no test_dataloader, so there is nothing to test on')
    _stop_at_errors(check_test_config(cfg, learnt=bool(checkpoint)))
    check_pipelines(cfg, ['test_dataloader', CALIBRATION])
    check_metrics(cfg, 'test_evaluator')
    cfg.load_from, cfg.resume = str(checkpoint) if checkpoint else None, False
    for key in ('train_cfg', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'):
        cfg[key] = None
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.model = without_objectives(cfg.model)
    tested = cfg.test_dataloader  # one test set, or several by name
    _pin_memory(*([tested] if 'dataset' in tested else [loader for _, _, loader in named_sets(tested)]))
    prepare_distributed(cfg, test_only=True)
    with config_errors(cfg):
        runner = Runner.from_cfg(cfg)
        if not checkpoint and learns(runner.model):
            raise ValueError('this config learns prompts or weights: give the checkpoint to test')
        return runner.test()


def without_objectives(model: dict[str, Any]) -> dict[str, Any]:
    """Give a model's config without anchors and losses, which only training needs."""
    nothing = {'anchors': None, 'losses': []}
    return dict(model, **{key: value for key, value in nothing.items() if key in model})


def learns(model: nn.Module) -> bool:
    """Tell whether a model has learnable parameters."""
    return next(model.parameters(), None) is not None


def read_test_sets(paths: Sequence[str | Path], variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read and merge the test sets of several config files, for ``cfg.test_dataloader``.

    Args:
        paths: The files.
        variables: Values of the variables in the files, see :func:`read_config`.

    Raises:
        ValueError: A file has no test sets, or two files have test sets of the same name.
    """
    found: dict[str, Any] = {}
    for path in paths:
        loaders = read_config(path, variables=variables).get('test_dataloader')
        if not isinstance(loaders, dict) or not loaders or 'dataset' in loaders:
            raise ValueError(
                f'{path} has no test_dataloader=dict(NAME=...): give a file of configs/_base_/test_sets'
            )
        for name, loader in loaders.items():
            if name in found:
                raise ValueError(f'{path}: test set {name!r} is in two files; give each set once')
            found[name] = loader
    return found


def test_datasets(cfg: Config) -> dict[str, dict]:
    """Give the configs of the test sets by name; the splits of a dataset are numbered from 1."""
    sets = named_sets(cfg.get('test_dataloader') or {})
    return {name: one['dataset'] for name, _, one in sets if isinstance(one, dict) and 'dataset' in one}


def _pin_memory(*loaders: dict[str, Any] | None) -> None:
    """Let loaders give batches in pinned memory if a GPU can copy them from there without waiting."""
    for loader in loaders:
        if isinstance(loader, dict):
            loader.setdefault('pin_memory', torch.cuda.is_available())


def _with_accumulation_in_the_rate(cfg: Config) -> Config:
    """Adapt ``auto_scale_lr`` so that the scaled learning rate accounts for gradient accumulation.

    MMEngine scales by processes x batch size / base_batch_size only.
    """
    counts = (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    scaling = cfg.get('auto_scale_lr') or {}
    if counts == 1 or not scaling.get('enable') or not scaling.get('base_batch_size'):
        return cfg
    base = scaling['base_batch_size']
    print_log(
        f'accumulative_counts={counts}: gradients of {counts} steps are accumulated, so '
        f'auto_scale_lr.base_batch_size={base} becomes {base / counts:g}, the clips of one step',
        'current',
    )
    cfg = copy.copy(cfg)
    cfg.auto_scale_lr = dict(scaling, base_batch_size=base / counts)
    return cfg


def _stop_at_errors(findings: Sequence[Finding]) -> None:
    """Log the warnings of a check of lists, and raise the first error."""
    for finding in findings:
        if finding.level == 'warning':
            print_log(f'{finding.message}', 'current', logging.WARNING)
    errors = [finding.message for finding in findings if finding.level == 'error']
    if errors:
        more = f' (and {len(errors) - 1} more: tools/data/check_split.py lists them)' if errors[1:] else ''
        raise ValueError(f'{errors[0]}{more}')


def _check_selection(cfg: Config) -> None:
    """Check that no checkpoint is selected on test sets or on novel classes."""
    hooks = cfg.get('default_hooks') or {}
    if not (hooks.get('checkpoint') or {}).get('save_best') or not cfg.get('val_dataloader'):
        return
    sets = test_datasets(cfg).items()
    tested = {_source(inner): name for name, dataset in sets for inner in innermost_datasets(dataset)}
    for validation in innermost_datasets(cfg.val_dataloader.dataset):
        source = _source(validation)
        if source in tested:
            raise ValueError(
                f'save_best would choose the checkpoint on the test set {tested[source]!r} '
                f'({" ".join(filter(None, source))}): validate on held-out videos of the base classes '
                '(val_dataloader.dataset), or test the last checkpoint'
            )
        if validation.get('split') == 'novel':
            raise ValueError(
                'save_best would choose the checkpoint on novel classes: validate on base classes '
                '(val_dataloader.dataset)'
            )


def _check_best(cfg: Config, names: set[str] | None) -> None:
    """Check that the metric that selects the best checkpoint is in ``names``, the validation metrics."""
    best = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    for name in [best] if isinstance(best, str) else best or ():
        if names and name != 'auto' and name not in names:
            raise ValueError(
                f'default_hooks.checkpoint.save_best={name!r}: validation gives {", ".join(sorted(names))}'
            )


def _source(dataset: dict) -> tuple[str | None, ...]:
    """Identify what a dataset's config reads: a list, a part of a list, or a folder."""
    return tuple(dataset.get(key) for key in ('ann_file', 'subset', 'folder'))
