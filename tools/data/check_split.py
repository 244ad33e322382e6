"""Check the lists of a config before a run: videos, labels, shots and overlaps.

Prints a line for each error and each warning; exits with 1 if there is an error.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.apis.command_line import add_config_options
from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from ga2mm.checks.config_lists import CheckedList, Finding


def main() -> int:
    """Print errors and warnings; return 1 if there is an error, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('--shots', type=int, metavar='K', help='training videos that each class should have')
    parser.add_argument(
        '--anchor-labels', type=Path, help='label map of the dataset that the anchors are from'
    )
    add_config_options(parser)
    args = parser.parse_args()

    from ga2mm.apis import read_config

    cfg = read_config(args.config, args.cfg_options)

    from ga2mm.apis import check_config
    from ga2mm.checks.class_check import check_anchor_classes, check_classes, check_shots
    from ga2mm.checks.config_check import DATALOADERS
    from ga2mm.checks.config_lists import read_config_lists
    from ga2mm.checks.split_check import check_lists
    from ga2mm.checks.video_check import check_files
    from ga2mm.datasets import read_label_map

    check_config(cfg, DATALOADERS)
    anchor_classes = () if args.anchor_labels is None else read_label_map(args.anchor_labels)

    lists, findings = read_config_lists(cfg)
    findings += check_classes(cfg, lists)
    findings += check_lists(lists)
    findings += check_shots(lists, args.shots)
    findings += check_files(lists)
    findings += check_anchor_classes(lists, anchor_classes)
    for finding in findings:
        print(finding)
    print(summary(lists, findings))
    return int(any(finding.level == 'error' for finding in findings))


def summary(lists: Sequence['CheckedList'], findings: Sequence['Finding']) -> str:
    """Summarise in one line the checked lists and the numbers of errors and warnings."""
    checked = ', '.join(f'{len(one.files)} {one.role} videos{per_class(one)}' for one in lists)
    errors = sum(finding.level == 'error' for finding in findings)
    return f'checked {checked or "no list"}: {errors} errors, {len(findings) - errors} warnings'


def per_class(one: 'CheckedList') -> str:
    """Give the number of classes and of videos per class of a list; empty for a list without classes."""
    if not one.classes:
        return ''
    counts = Counter(one.labels)
    numbers = [counts[label] for label in range(len(one.classes))]
    fewest, most = min(numbers), max(numbers)
    return f' ({len(numbers)} classes of {fewest if fewest == most else f"{fewest} to {most}"})'


if __name__ == '__main__':
    with one_line_errors():
        sys.exit(main())
