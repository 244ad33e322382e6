"""Tune prompts on a frozen CLIP, from a config."""

import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config

from ga2mm.apis import ConfigOptions, check_config, read_config, train
from ga2mm.engine import ends_distributed
from ga2mm.utils import one_line_errors


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder of logs and checkpoints (default: work_dirs/CONFIG)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or from the latest in the work dir if none is given',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on the CPU'
    )
    parser.add_argument('--no-validate', action='store_true', help='do not validate while training')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the real batch size'
    )
    parser.add_argument('--seed', type=int, help='random seed')
    parser.add_argument('--diff-rank-seed', action='store_true', help='another seed for each process')
    parser.add_argument('--deterministic', action='store_true', help='deterministic cuDNN kernels')
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, help='override config keys: key.sub=value'
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by launchers')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """The config with the command line's options in it."""
    check_config(cfg)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.resume == 'auto':
        cfg.resume, cfg.load_from = True, None
    elif args.resume is not None:
        cfg.resume, cfg.load_from = True, args.resume
    if args.amp:
        wrapper = 'AmpOptimWrapper' if torch.cuda.is_available() else 'BFloat16OptimWrapper'
        if cfg.optim_wrapper.get('type', 'OptimWrapper') not in ('OptimWrapper', wrapper):
            raise ValueError(f'--amp cannot be combined with optim_wrapper.type={cfg.optim_wrapper.type!r}')
        cfg.optim_wrapper.type = wrapper
        if wrapper == 'AmpOptimWrapper':
            cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise ValueError('--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config')
        cfg.auto_scale_lr.enable = True
    if cfg.get('randomness') is None:
        cfg.randomness = dict(seed=args.seed)
    elif args.seed is not None:
        cfg.randomness.seed = args.seed
    cfg.randomness.diff_rank_seed = args.diff_rank_seed
    cfg.randomness.deterministic = args.deterministic
    return cfg


def main() -> None:
    """Train."""
    args = parse_args()
    with ends_distributed():
        train(merge_args(read_config(args.config, args.cfg_options), args))


if __name__ == '__main__':
    with one_line_errors():
        main()
