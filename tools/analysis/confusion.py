"""Draw the confusion matrix of a test, from the test_metrics.json that tools/test.py writes."""

import argparse
import json
from pathlib import Path

from ga2mm.utils import one_line_errors


def read_test_sets(path: Path) -> dict[str, dict]:
    """Read the results of a test by test set.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a report of a test.
    """
    try:
        sets = json.loads(path.read_text(encoding='utf-8'))['sets']
        if all(isinstance(found, dict) for found in sets.values()):
            return sets
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError(f'{path} is no report of a test: give the test_metrics.json that tools/test.py writes')


def draw(name: str, found: dict, path: Path, out: Path) -> None:
    """Draw the confusion matrix of one test set.

    Raises:
        ValueError: The report has no valid confusion matrix of this set.
    """
    from ga2mm.visualization import confusion_figure, count_confusion, save_figure

    names = found.get('class_names')
    if not isinstance(names, list) or not isinstance(found.get('confusion'), list):
        raise ValueError(f'{path}: sets.{name} has no class_names and confusion: test again by tools/test.py')
    if not all(isinstance(text, str) for text in names):
        raise ValueError(f'{path}: sets.{name}.class_names has a name that is no text')
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
    parser.add_argument('--set', help='the test set, such as base or novel (default: each)')
    parser.add_argument('--out', type=Path, help='folder of the pictures (default: that of the file)')
    args = parser.parse_args()
    sets = read_test_sets(args.test_metrics)
    if args.set is not None and args.set not in sets:
        raise ValueError(f'{args.test_metrics} has no set {args.set!r}: choose one of {", ".join(sets)}')
    for name in sets if args.set is None else [args.set]:
        draw(name, sets[name], args.test_metrics, args.out or args.test_metrics.parent)


if __name__ == '__main__':
    with one_line_errors():
        main()
