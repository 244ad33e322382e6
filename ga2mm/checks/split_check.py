"""Checks of a config's lists before a run: each on its own and against each other."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ga2mm.checks.class_check import (
    check_classes,
    empty_classes,
    labels_against_folders,
    novel_base_classes,
    test_sets_without_classes,
)
from ga2mm.checks.config_lists import CALIBRATION, CheckedList, Finding, read_config_lists
from ga2mm.checks.video_check import check_some_files, first_of_same, repeated_videos, shared_videos


def check_train_config(cfg: dict[str, Any], look_for_videos: bool = False) -> list[Finding]:
    """Check the lists of a config and their classes before training.

    The check takes seconds: ``MOST_FILES`` and ``MOST_READ`` limit how many videos are compared. Training
    needs no test list, so a missing one is a warning. A novel class among the negatives is an error, since
    its name would be trained on.

    Args:
        cfg: The config.
        look_for_videos: Whether to report an error for a training, anchor or validation list of which no
            video exists.
    """
    lists, findings = read_config_lists(cfg, ['train_dataloader', 'val_dataloader'])
    if look_for_videos:
        findings += check_some_files(lists)
    test_lists, broken = read_config_lists(cfg, ['test_dataloader', CALIBRATION], missing='warning')
    findings += broken
    lists += test_lists
    hooks = cfg.get('default_hooks') or {}
    chooses = bool((hooks.get('checkpoint') or {}).get('save_best'))
    findings += check_classes(cfg, lists)
    findings += check_lists(lists, thorough=False, chooses=chooses)
    return findings


def check_test_config(cfg: dict[str, Any], learnt: bool) -> list[Finding]:
    """Check the test lists of a config before testing, as fast as :func:`check_train_config`.

    A training list that cannot be read is a warning. A test video among the anchors of the calibration is an
    error.

    Args:
        cfg: The config.
        learnt: Whether the model was trained. Then a test video in the config's training list or anchors is
            an error, and a training video among the anchors of the calibration; otherwise a warning.
    """
    lists, findings = read_config_lists(cfg, ['test_dataloader', CALIBRATION])
    findings += check_some_files(lists)
    trained, broken = read_config_lists(cfg, ['train_dataloader'])
    findings += _as_warnings(broken)
    own = check_lists(lists, thorough=False)
    both = check_lists(lists + trained, thorough=False, of_roles=('test', 'calibration anchor'))
    with_training = [finding for finding in both if finding not in own]
    return findings + own + (with_training if learnt else _as_warnings(with_training))


def check_lists(
    lists: Sequence[CheckedList],
    thorough: bool = True,
    chooses: bool = False,
    of_roles: Sequence[str] | None = None,
) -> list[Finding]:
    """Check lists on their own and against each other; videos may be missing.

    Errors: a video occurs twice or with two labels in a list, a class has no training video, labels
    contradict folder names, a video of the training list or of anchors is in a validation or test list, a
    training video is an anchor, a base class is also novel, a test set has no classes. Warnings: a class has
    no validation or test video, validation and test lists share videos, a list has copies of a video. Two
    paths are the same video if they lead to the same file or their contents are equal
    (:func:`~ga2mm.checks.same_videos.same_contents`).

    Args:
        lists: The lists.
        thorough: Whether to compare all videos, however many there are.
        chooses: Whether validation selects a checkpoint; shared validation and test videos are then errors.
        of_roles: Roles of the lists to check, each on its own and against all lists; None for all.
    """
    files, contents, findings = first_of_same(lists, thorough)
    checked = [one for one in lists if of_roles is None or one.role in of_roles]
    for one in checked:
        findings += repeated_videos(one, files, contents)
        findings += empty_classes(one)
        findings += labels_against_folders(one)
    for first, second in combinations(lists, 2):
        if first in checked or second in checked:
            findings += shared_videos(first, second, contents, chooses)
    findings += novel_base_classes(lists)
    findings += test_sets_without_classes(lists)
    return findings


def _as_warnings(findings: Sequence[Finding]) -> list[Finding]:
    return [Finding('warning', finding.message) for finding in findings]
