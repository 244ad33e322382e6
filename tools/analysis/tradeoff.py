"""Draw the trade-off of base against novel accuracy for methods, or for values of a hyperparameter."""

import argparse
from pathlib import Path

from ga2mm.utils import one_line_errors


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('results', type=Path, help='JSON list of rows, each the result of one run')
    parser.add_argument('--by', default='method', help='key of the rows; each value has its own colour')
    parser.add_argument('--out', type=Path, help='folder of the picture (default: the folder of the results)')
    args = parser.parse_args()

    from ga2mm.visualization import read_results, save_figure, tradeoff_figure

    figure = tradeoff_figure(read_results(args.results), args.by)
    for file in save_figure(figure, (args.out or args.results.parent) / 'tradeoff'):
        print(file)


if __name__ == '__main__':
    with one_line_errors():
        main()
