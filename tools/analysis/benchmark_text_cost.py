"""Measure the time of the text tower in evaluation, by number of classes and kind of text prompt."""

import argparse
import warnings
from pathlib import Path

from tqdm import tqdm

from ga2mm.utils import one_line_errors

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs' / 'ga2' / 'miniature_zero_shot.py'


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config',
        nargs='?',
        default=DEFAULT_CONFIG,
        help='config with AttributeRetrieval, or with no text prompt (default: the miniature CLIP)',
    )
    parser.add_argument('--classes', type=int, nargs='+', default=[12, 50, 100, 400], metavar='N')
    parser.add_argument('--batch', type=int, default=8, help='clips per batch (default: 8)')
    parser.add_argument('--frames', type=int, default=4, help='frames per clip (default: 4)')
    parser.add_argument('--repeats', type=int, default=5, help='number of timed batches (default: 5)')
    args = parser.parse_args()
    for name in ('classes', 'batch', 'frames', 'repeats'):
        value = getattr(args, name)
        if min(value if isinstance(value, list) else [value]) < 1:
            parser.error(f'--{name} must be 1 or more')
    return args


def main() -> None:
    """Measure and print a Markdown table."""
    args = parse_args()

    import torch
    from mmengine.registry import init_default_scope
    from text_cost import COLUMNS, build_models, measure

    from ga2mm.apis import read_config

    warnings.filterwarnings('ignore', 'CLIP .* was never trained on')  # the names are made up
    torch.manual_seed(0)
    init_default_scope('ga2mm')
    models = build_models(read_config(args.config))
    rows = []
    for classes in tqdm(args.classes, unit='size'):
        found = measure(models, classes, args.batch, args.frames, args.repeats)
        cells = [f'{value:.1f} ({value / found[0]:.1f}×)' for value in found]
        rows.append(f'| {classes} | {" | ".join(cells)} |')
    print(f'ms a clip in evaluation, batches of {args.batch} clips of {args.frames} frames\n')
    print(f'| classes | {" | ".join(COLUMNS)} |')
    print('| --- ' * (len(COLUMNS) + 1) + '|')
    print('\n'.join(rows))


if __name__ == '__main__':
    with one_line_errors():
        main()
