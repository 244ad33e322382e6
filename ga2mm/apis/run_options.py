"""Apply the options of a command line to the config of a run."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config

from ga2mm.apis.run import read_test_sets
from ga2mm.checks.config_check import check_config


def set_train_options(
    cfg: Config,
    resume: str | None = None,
    amp: bool = False,
    validate: bool = True,
    auto_scale_lr: bool = False,
    seed: int | None = None,
    diff_rank_seed: bool = False,
    deterministic: bool = False,
) -> None:
    """Change a config, in place, for training.

    Args:
        cfg: The config.
        resume: The checkpoint to resume from, or ``'auto'`` for the latest one in the run's folder.
        amp: Whether to train in mixed precision: float16 on a GPU, bfloat16 on the CPU.
        validate: Whether to validate while training.
        auto_scale_lr: Whether to scale the learning rate with the actual batch size.
        seed: Random seed; None for the config's, or else a random one.
        diff_rank_seed: Whether each process has a different seed.
        deterministic: Whether to restrict cuDNN to deterministic kernels.

    Raises:
        ValueError: The config is wrong, its optimizer wrapper does not support mixed precision, or
            ``auto_scale_lr`` is requested and the config has no base batch size.
    """
    check_config(cfg)
    if not validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if resume is not None:
        cfg.resume, cfg.load_from = True, None if resume == 'auto' else resume
    if amp:
        _set_mixed_precision(cfg)
    if auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise ValueError('--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config')
        cfg.auto_scale_lr.enable = True
    if cfg.get('randomness') is None:
        cfg.randomness = dict(seed=seed)
    elif seed is not None:
        cfg.randomness.seed = seed
    cfg.randomness.diff_rank_seed = diff_rank_seed
    cfg.randomness.deterministic = deterministic


def set_test_options(
    cfg: Config, test_sets: Sequence[str | Path] | None = None, dump: str | None = None
) -> None:
    """Change a config, in place, for a test.

    Args:
        cfg: The config.
        test_sets: Config files whose test sets replace the config's; the report is named after them. None
            for the config's own.
        dump: Pickle file for the predictions; the name of each test set is appended.

    Raises:
        ValueError: The config or a file of test sets is wrong, or ``dump`` is not a pickle file.
    """
    if test_sets is not None:
        cfg.test_dataloader = read_test_sets(test_sets)
        names = '_'.join(Path(path).stem for path in test_sets)
        # A separate name, so that the report of the config's test sets is not overwritten.
        report = f'test_metrics_{names}.json'
        cfg.test_cfg = dict(cfg.get('test_cfg') or {}, type='ProtocolTestLoop', report=report)
    check_config(cfg)
    if dump is not None and cfg.get('test_evaluator'):
        if not dump.endswith(('.pkl', '.pickle')):
            raise ValueError(f'--dump {dump} must be a .pkl file')
        evaluator = cfg.test_evaluator
        cfg.test_evaluator = list(evaluator) if isinstance(evaluator, list | tuple) else [evaluator]
        cfg.test_evaluator.append(dict(type='DumpResults', out_file_path=dump))


def _set_mixed_precision(cfg: Config) -> None:
    wrapper = 'AmpOptimWrapper' if torch.cuda.is_available() else 'BFloat16OptimWrapper'
    if cfg.optim_wrapper.get('type', 'OptimWrapper') not in ('OptimWrapper', wrapper):
        raise ValueError(f'--amp cannot be combined with optim_wrapper.type={cfg.optim_wrapper.type!r}')
    cfg.optim_wrapper.type = wrapper
    if wrapper == 'AmpOptimWrapper':
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
