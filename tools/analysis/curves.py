"""Draw the learning curves of a run: losses, learning rate and validation accuracy."""

import argparse
from pathlib import Path

from ga2mm.utils import one_line_errors


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dir', type=Path, help='the --work-dir of a training run')
    parser.add_argument('--out', type=Path, help='folder of the picture (default: the folder of the run)')
    args = parser.parse_args()

    from ga2mm.visualization import curves_figure, read_scalars, save_figure

    figure = curves_figure(read_scalars(args.work_dir), args.work_dir.resolve().name)
    for file in save_figure(figure, (args.out or args.work_dir) / 'curves'):
        print(file)


if __name__ == '__main__':
    with one_line_errors():
        main()
