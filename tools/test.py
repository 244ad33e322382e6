"""Test a checkpoint on every test set of a config: base accuracy, novel accuracy and their harmonic mean."""

import argparse

from ga2mm.apis.command_line import parse_run, read_run, run_parser
from ga2mm.utils import one_line_errors


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = run_parser(__doc__, writes='metrics')
    parser.add_argument(
        'checkpoint', nargs='?', help="checkpoint; leave it out or give '' if the config learns nothing"
    )
    parser.add_argument(
        '--test-sets',
        nargs='+',
        help='config files whose test_dataloader replaces that of the config, each with its own report: '
        'cross-dataset, irrelevant videos',
    )
    parser.add_argument('--dump', help='pickle file for the predictions; the name of the set is added')
    return parse_run(parser)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    cfg = read_run(args)

    from ga2mm.apis import test
    from ga2mm.apis.run_options import set_test_options
    from ga2mm.engine import ends_distributed

    with ends_distributed():
        set_test_options(cfg, args.test_sets, args.dump)
        test(cfg, args.checkpoint)


if __name__ == '__main__':
    with one_line_errors():
        main()
