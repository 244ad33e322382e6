"""Draw t-SNE plots of the video features of the test sets before and after tuning."""

import argparse
from pathlib import Path

from ga2mm.apis.command_line import add_config_options
from ga2mm.utils import one_line_errors


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a run of this config')
    parser.add_argument(
        '--out', type=Path, help='folder of the picture (default: the folder of the checkpoint)'
    )
    parser.add_argument(
        '--videos-per-class', type=int, default=20, help='at most this many of each class (default: 20)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='random seed of the choice of videos and of t-SNE'
    )
    add_config_options(parser)
    return parser.parse_args()


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.videos_per_class < 1:
        raise ValueError(f'--videos-per-class {args.videos_per_class}: give 1 or more')

    from ga2mm.apis import read_config

    cfg = read_config(args.config, args.cfg_options)
    out = args.out or args.checkpoint.parent

    from ga2mm.apis.video_features import draw_video_features

    for file in draw_video_features(cfg, args.checkpoint, out, args.videos_per_class, args.seed):
        print(file)


if __name__ == '__main__':
    with one_line_errors():
        main()
