"""Draw the confusion matrix of a test, from the test_metrics.json that tools/test.py writes."""

import argparse
from pathlib import Path

from ga2mm.utils import one_line_errors


def draw(name: str, found: dict, path: Path, out: Path) -> None:
    """Draw the confusion matrix of one test set.

    Raises:
        ValueError: The report has no valid confusion matrix of this set.
    """
    from ga2mm.visualization import confusion_figure, count_confusion, save_figure

    names = found.get('class_names')
    if not isinstance(names, list) or not isinstance(found.get('confusion'), list):
        raise ValueError(
            f'{path}: sets.{name} has no class_names and confusion: test again with tools/test.py'
        )
    if not all(isinstance(text, str) for text in names):
        raise ValueError(f'{path}: sets.{name}.class_names has a name that is not text')
    try:
        counts = count_confusion(found['confusion'], len(names))
    except ValueError as error:
        raise ValueError(f'{path}: sets.{name}.{error}') from error
    figure = confusion_figure(names, counts, f'{name} classes')
    for file in save_figure(figure, out / f'confusion_{name.replace("/", "_")}'):
        print(file)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('test_metrics', type=Path, help='test_metrics.json of a test')
    parser.add_argument('--set', help='the test set, such as base or novel (default: all sets)')
    parser.add_argument('--out', type=Path, help='folder of the pictures (default: the folder of the file)')
    args = parser.parse_args()
    from ga2mm.visualization import read_test_metrics

    sets = read_test_metrics(args.test_metrics)['sets']
    if args.set is not None and args.set not in sets:
        raise ValueError(f'{args.test_metrics} has no set {args.set!r}: choose one of {", ".join(sets)}')
    for name in sets if args.set is None else [args.set]:
        draw(name, sets[name], args.test_metrics, args.out or args.test_metrics.parent)


if __name__ == '__main__':
    with one_line_errors():
        main()
