"""Checks of the classes of lists against each other, the anchors and the model's class names."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from ga2mm.anchors.negatives import read_negatives
from ga2mm.checks.config_lists import CheckedList, Finding
from ga2mm.datasets.label_map import class_names_of
from ga2mm.datasets.similar_classes import normalise_class_name, similar_classes
from ga2mm.datasets.text_file import quoted
from ga2mm.utils import NAMED, first_few

IRRELEVANT = 'test_dataloader.irrelevant.'
"""Key prefix of the test set without classes (:class:`~ga2mm.engine.ProtocolTestLoop`)."""


def check_classes(cfg: dict[str, Any], lists: Sequence[CheckedList]) -> list[Finding]:
    """Check that the classes of a config's lists agree with each other and with the model's class names.

    Errors: validation lists or ``cls_head.class_names`` differ from the training classes, a class has no
    context in ``text_prompt.class_names``, a negative is a novel class. Warning: a base class of a test set
    is not trained on.
    """
    trained = [one for one in lists if one.role == 'training']
    findings = _novel_negatives(cfg, lists)
    if not trained or not trained[0].classes:
        return findings
    expected = trained[0]
    for one in (*trained[1:], *(one for one in lists if one.role == 'validation')):
        findings += _other_classes(f'the {one.role} list {one.ann_file}', one.classes, expected)
    for one in lists:
        if one.role == 'test' and one.split == 'base':
            findings += _untrained_base_classes(one, expected)
    head = (cfg.get('model') or {}).get('cls_head') or {}
    contexts = (head.get('text_prompt') or {}).get('class_names')
    try:
        if head.get('class_names') is not None:
            names = class_names_of(head['class_names'], 'class_names')
            findings += _other_classes('model.cls_head.class_names', names, expected)
        if contexts is not None:
            findings += _classes_without_context(
                class_names_of(contexts, 'text_prompt.class_names'), lists, expected
            )
    except (OSError, ValueError) as error:
        findings.append(Finding('error', f'model.cls_head: {error}'))
    return findings


def check_anchor_classes(lists: Sequence[CheckedList], anchor_classes: Sequence[str] = ()) -> list[Finding]:
    """Warn of each class whose name equals or resembles an anchor class.

    Args:
        lists: The lists; anchor lists with class names give anchor classes.
        anchor_classes: Further anchor classes.
    """
    anchors = {normalise_class_name(name): name for name in anchor_classes}
    targets: dict[str, str] = {}
    for one in lists:
        if one.role in ('anchor', 'calibration anchor'):
            anchors |= {normalise_class_name(name): name for name in one.classes}
        else:
            kind = 'class' if one.split == 'all' else f'{one.split} class'
            targets |= {normalise_class_name(name): f"{kind} '{name}'" for name in one.classes}
    closest: dict[str, tuple[float, str]] = {}
    for key, anchor, similarity in similar_classes(list(targets), list(anchors)):
        closest[key] = max(closest.get(key, (0.0, '')), (similarity, anchor))
    findings = []
    for key, (similarity, anchor) in closest.items():
        relation = 'is also' if similarity == 1 else 'resembles'
        message = f"{targets[key]} {relation} a class of the anchors: '{anchors[anchor]}'"
        findings.append(Finding('warning', message))
    return findings


def check_shots(lists: Sequence[CheckedList], shots: int | None = None) -> list[Finding]:
    """Check that all classes have the same number of training videos.

    Args:
        lists: The lists; only training lists are checked.
        shots: Expected number; a deviation is an error. Default: the number of most classes, and a
            deviation is a warning. Lists in which most classes differ are not few-shot lists and pass.
    """
    findings = []
    for one in lists:
        if one.role != 'training' or not one.classes:
            continue
        counts = Counter(one.labels)
        by_name = {name: counts[label] for label, name in enumerate(one.classes)}
        [(usual, num_usual)] = Counter(by_name.values()).most_common(1)
        expected = usual if shots is None else shots
        deviating = [name for name in one.classes if by_name[name] != expected]
        if deviating and (shots is not None or 2 * num_usual > len(one.classes)):
            named = ', '.join(f"'{name}' has {by_name[name]}" for name in deviating[:NAMED])
            message = (
                f'{one.ann_file}: {len(deviating)} of {len(one.classes)} classes do not have {expected} '
                f'videos (fewest {min(by_name.values())}, most {max(by_name.values())}): {named}'
            )
            findings.append(Finding('warning' if shots is None else 'error', message))
    return findings


def empty_classes(one: CheckedList) -> Iterator[Finding]:
    present = set(one.labels)
    empty = [f"'{name}'" for label, name in enumerate(one.classes) if label not in present]
    if empty:
        message = (
            f'{one.ann_file}: {len(empty)} of {len(one.classes)} classes have no video: {first_few(empty)}'
        )
        yield Finding('error' if one.role == 'training' else 'warning', message)


def labels_against_folders(one: CheckedList) -> Iterator[Finding]:
    """Give an error if most videos in folders named after a class have the label of another class."""
    label_of = {normalise_class_name(name): label for label, name in enumerate(one.classes)}
    folders = {
        folder: label_of.get(normalise_class_name(os.path.basename(folder)))
        for folder in {os.path.dirname(file) for file in one.files}
    }
    named = [
        (file, label, folders[os.path.dirname(file)])
        for file, label in zip(one.files, one.labels, strict=True)
    ]
    named = [each for each in named if each[2] is not None]
    wrong = [(file, label) for file, label, of_folder in named if label != of_folder]
    if 2 * len(wrong) > len(named):
        file, label = wrong[0]
        message = (
            f"{one.ann_file}: {len(wrong)} of {len(named)} videos lie in another class's folder, such as "
            f'{file} with label {label}, {quoted(one.classes[label])}; use the label map of this list'
        )
        yield Finding('error', message)


def novel_base_classes(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    novel = {normalise_class_name(n): n for one in lists if one.split == 'novel' for n in one.classes}
    # Test sets of all classes are skipped, since they include novel classes.
    known = [one for one in lists if one.split == 'base' or (one.split == 'all' and one.role != 'test')]
    seen = {normalise_class_name(name): name for one in known for name in one.classes}
    both = [f"'{seen[key]}' ('{novel[key]}')" for key in novel if key in seen]
    if both:
        yield Finding('error', f'{len(both)} novel classes are base classes too: {first_few(both)}')


def test_sets_without_classes(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    tested = [one for one in lists if one.role == 'test']
    if tested and all(one.key.startswith(IRRELEVANT) for one in tested):
        message = f'{IRRELEVANT}dataset needs another test set with classes, such as base: add one'
        yield Finding('error', message)
    for one in tested:
        if not one.classes and not one.key.startswith(IRRELEVANT):
            message = f'{one.key} does not name its classes: use ActionVideoDataset with a label_map'
            yield Finding('error', message)


def _other_classes(what: str, classes: Sequence[str], trained: CheckedList) -> Iterator[Finding]:
    if tuple(classes) == trained.classes:
        return
    pairs = zip_longest(classes, trained.classes, fillvalue='none')
    label, (name, other) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
    message = (
        f'{what} has {len(classes)} classes, the training list {trained.ann_file} {len(trained.classes)}, '
        f'and they differ: label {label} is {quoted(name)} and {quoted(other)}; use one label map for both'
    )
    yield Finding('error', message)


def _untrained_base_classes(tested: CheckedList, trained: CheckedList) -> Iterator[Finding]:
    known = {normalise_class_name(name) for name in trained.classes}
    untrained = [quoted(name) for name in tested.classes if normalise_class_name(name) not in known]
    if untrained:
        message = (
            f'{tested.ann_file}: {len(untrained)} of {len(tested.classes)} base classes are not trained on: '
            f'{first_few(untrained)}'
        )
        yield Finding('warning', message)


def _classes_without_context(
    contexts: Sequence[str], lists: Sequence[CheckedList], trained: CheckedList
) -> Iterator[Finding]:
    """Give errors for classes that have no trained context in a class-specific text prompt."""
    learnt = set(contexts) & set(trained.classes)
    for one in lists:
        without = [quoted(name) for name in one.classes if name not in learnt]
        if without and one.role in ('training', 'validation', 'test'):
            message = (
                f'{one.ann_file}: {len(without)} classes have no trained context in '
                f'model.cls_head.text_prompt.class_names: {first_few(without)}; leave that key out, '
                'or use only classes that both that key and the training set have'
            )
            yield Finding('error', message)


def _novel_negatives(cfg: dict[str, Any], lists: Sequence[CheckedList]) -> list[Finding]:
    negatives = ((cfg.get('model') or {}).get('anchors') or {}).get('negatives')
    if negatives is None:
        return []
    try:
        names, _ = read_negatives(**(negatives if isinstance(negatives, dict) else dict(names=negatives)))
    except (OSError, TypeError, ValueError) as error:
        return [Finding('error', f'{error}')]
    novel = {normalise_class_name(n) for one in lists if one.split == 'novel' for n in one.classes}
    found = [f"'{name}'" for name in names if normalise_class_name(name) in novel]
    message = (
        f'{len(found)} names of model.anchors.negatives are novel classes: {first_few(found)}; leave them '
        "out, for instance by exclude='the label map of all target classes'"
    )
    return [Finding('error', message)] if found else []
