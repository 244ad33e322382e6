"""Check the lists of a config before a run: each by itself, and against each other."""

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
from ga2mm.checks.config_lists import CheckedList, Finding, read_config_lists
from ga2mm.checks.video_check import check_some_files, first_of_same, repeated_videos, shared_videos


def check_train_config(cfg: dict[str, Any], look_for_videos: bool = False) -> list[Finding]:
    """What is wrong with the lists of a config and their classes, before training.

    It takes seconds: of very many videos not all are compared with each other (``MOST_FILES``,
    ``MOST_READ``). Training needs no test list: one that is not there is a warning. A novel class among the
    negatives is an error: its name would be trained on.

    Args:
        cfg: The config.
        look_for_videos: Whether it is an error that a training, anchor or validation list has no video that
            is there.
    """
    lists, findings = read_config_lists(cfg, ['train_dataloader', 'val_dataloader'])
    if look_for_videos:
        findings += check_some_files(lists)
    test_lists, broken = read_config_lists(cfg, ['test_dataloader'], missing='warning')
    findings += broken
    lists += test_lists
    hooks = cfg.get('default_hooks') or {}
    chooses = bool((hooks.get('checkpoint') or {}).get('save_best'))
    findings += check_classes(cfg, lists)
    findings += check_lists(lists, thorough=False, chooses=chooses)
    return findings


def check_test_config(cfg: dict[str, Any], learnt: bool) -> list[Finding]:
    """What is wrong with the test lists of a config, before testing; as fast as :func:`check_train_config`.

    Args:
        cfg: The config.
        learnt: Whether something was learnt, so that it is an error that a test video is one of the config's
            training list or anchors, and not only a warning. A training list that cannot be read is one.
    """
    lists, findings = read_config_lists(cfg, ['test_dataloader'])
    findings += check_some_files(lists)
    trained, broken = read_config_lists(cfg, ['train_dataloader'])
    findings += _as_warnings(broken)
    own = check_lists(lists, thorough=False)
    both = check_lists(lists + trained, thorough=False, of_roles=('test',))
    with_training = [finding for finding in both if finding not in own]
    return findings + own + (with_training if learnt else _as_warnings(with_training))


def check_lists(
    lists: Sequence[CheckedList],
    thorough: bool = True,
    chooses: bool = False,
    of_roles: Sequence[str] | None = None,
) -> list[Finding]:
    """Check lists by themselves and against each other; a video may be missing.

    Errors: a video that a list has twice or under two labels, a class without a training video, labels of
    other classes than those that folders are named after, a video in the training list (or its anchors) and a
    validation or test list, a base class that is novel too, a test set without classes. Warnings: a class
    without a validation or test video, validation on test videos, two copies of a video in one list. Two
    paths are one video if they are one file, by links or otherwise, or if their content is the same
    (:func:`~ga2mm.checks.same_videos.same_contents`).

    Args:
        lists: The lists.
        thorough: Whether to compare any number of videos with each other.
        chooses: Whether validation chooses a checkpoint, so that it may see no test video.
        of_roles: Check those lists by themselves and against all others; None for all.
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
