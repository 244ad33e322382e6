"""Write the miniature world: small generated videos instead of a real dataset."""

import argparse

from ga2mm.miniature import STYLES


def main() -> None:
    """Write the folders that are missing or incomplete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='data/miniature', help='folder to write to')
    parser.add_argument('--style', default='mild', choices=STYLES, help='how the videos look')
    parser.add_argument('--draws', type=int, nargs='+', default=[0, 1], help='downstream datasets')
    args = parser.parse_args()

    from ga2mm.miniature.dataset import generate_all

    generate_all(args.out, draws=args.draws, style=args.style)


if __name__ == '__main__':
    main()
