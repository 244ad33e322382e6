"""Test a checkpoint on every test set of a config: base, novel and their harmonic mean in one call."""

import argparse
import os
from pathlib import Path

from mmengine.config import Config

from ga2mm.apis import ConfigOptions, check_config, read_config, read_test_sets, test
from ga2mm.engine import ends_distributed
from ga2mm.utils import one_line_errors


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', nargs='?', help="checkpoint; none or '' if nothing was learnt")
    parser.add_argument('--work-dir', help='folder of logs and metrics (default: work_dirs/CONFIG)')
    parser.add_argument(
        '--test-sets',
        nargs='+',
        help='config files whose test_dataloader is tested instead, with a report of its own: cross-dataset, '
        'irrelevant videos',
    )
    parser.add_argument('--dump', help='pickle file for the predictions; the name of the set is added')
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
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    if args.test_sets is not None:
        cfg.test_dataloader = read_test_sets(args.test_sets)
        names = '_'.join(Path(path).stem for path in args.test_sets)
        # Not that of the config's own test sets, which it would replace.
        report = f'test_metrics_{names}.json'
        cfg.test_cfg = dict(cfg.get('test_cfg') or {}, type='ProtocolTestLoop', report=report)
    check_config(cfg)
    if args.dump is not None and cfg.get('test_evaluator'):
        if not args.dump.endswith(('.pkl', '.pickle')):
            raise ValueError(f'--dump {args.dump} must be a .pkl file')
        evaluator = cfg.test_evaluator
        cfg.test_evaluator = list(evaluator) if isinstance(evaluator, list | tuple) else [evaluator]
        cfg.test_evaluator.append(dict(type='DumpResults', out_file_path=args.dump))
    return cfg


def main() -> None:
    """Test."""
    args = parse_args()
    with ends_distributed():
        test(merge_args(read_config(args.config, args.cfg_options), args), args.checkpoint)


if __name__ == '__main__':
    with one_line_errors():
        main()
