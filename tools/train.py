"""Train the model of a config, for example prompts on a frozen CLIP."""

import argparse

from ga2mm.apis.command_line import parse_run, read_run, run_parser
from ga2mm.utils import one_line_errors


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = run_parser(__doc__, writes='checkpoints')
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
    parser.add_argument('--diff-rank-seed', action='store_true', help='use a different seed in each process')
    parser.add_argument('--deterministic', action='store_true', help='use deterministic cuDNN kernels')
    return parse_run(parser)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    cfg = read_run(args)

    from ga2mm.apis import train
    from ga2mm.apis.run_options import set_train_options
    from ga2mm.engine import ends_distributed

    with ends_distributed():
        set_train_options(
            cfg,
            resume=args.resume,
            amp=args.amp,
            validate=not args.no_validate,
            auto_scale_lr=args.auto_scale_lr,
            seed=args.seed,
            diff_rank_seed=args.diff_rank_seed,
            deterministic=args.deterministic,
        )
        train(cfg)


if __name__ == '__main__':
    with one_line_errors():
        main()
