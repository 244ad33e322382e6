"""What can be wrong with the lists of a config, found before a run."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, zip_longest
from typing import Any

from ga2mm.anchors.negatives import read_negatives
from ga2mm.apis.config_lists import CheckedList, Finding, read_config_lists
from ga2mm.apis.same_videos import same_contents, same_files
from ga2mm.datasets.label_map import class_names_of
from ga2mm.datasets.similar_classes import normalise_class_name, similar_classes
from ga2mm.datasets.text_file import quoted
from ga2mm.utils import NAMED, first_few

MOST_FILES = 50_000
"""Above so many videos a run does not look whether two paths are one file; ``check_split.py`` always does."""

MOST_READ = 1000
"""So many videos of equal size a run compares by their content; ``check_split.py`` compares all."""

LOOKED_FOR = 16
"""So many videos of each list a run looks for before it starts."""

IRRELEVANT = 'test_dataloader.irrelevant.'
"""Beginning of the key of the test set that has no classes (:class:`~ga2mm.engine.ProtocolTestLoop`)."""

_FRAME_FOLDER = re.compile(r'/[^/.]+ \d+$')


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
        findings += _check_some_files(lists)
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
    findings += _check_some_files(lists)
    trained, broken = read_config_lists(cfg, ['train_dataloader'])
    findings += _as_warnings(broken)
    own = check_lists(lists, thorough=False)
    both = check_lists(lists + trained, thorough=False, of_roles=('test',))
    with_training = [finding for finding in both if finding not in own]
    return findings + own + (with_training if learnt else _as_warnings(with_training))


def _as_warnings(findings: Sequence[Finding]) -> list[Finding]:
    return [Finding('warning', finding.message) for finding in findings]


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
    (:func:`~ga2mm.apis.same_videos.same_contents`).

    Args:
        lists: The lists.
        thorough: Whether to compare any number of videos with each other.
        chooses: Whether validation chooses a checkpoint, so that it may see no test video.
        of_roles: Check those lists by themselves and against all others; None for all.
    """
    files, contents, findings = _same_videos(lists, thorough)
    checked = [one for one in lists if of_roles is None or one.role in of_roles]
    for one in checked:
        findings += _repeated_videos(one, files, contents)
        findings += _empty_classes(one)
        findings += _labels_against_folders(one)
    for first, second in combinations(lists, 2):
        if first in checked or second in checked:
            findings += _shared_videos(first, second, contents, chooses)
    findings += _novel_base_classes(lists)
    findings += _test_sets_without_classes(lists)
    return findings


def check_shots(lists: Sequence[CheckedList], shots: int | None = None) -> list[Finding]:
    """Check that each class has equally many training videos.

    Args:
        lists: The lists; those for training are checked.
        shots: How many it should be: any other number is an error. Default: the number that most classes
            have, and others are a warning; a list where most classes differ is no few-shot list.
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


def check_files(lists: Sequence[CheckedList]) -> list[Finding]:
    """Check that every listed video is a file."""
    findings = []
    for one in lists:
        problems = {file: problem for file in one.files if (problem := _problem(file))}
        missing = [file for file, problem in problems.items() if problem == _MISSING]
        others = [f'{file} ({problem})' for file, problem in problems.items() if problem != _MISSING]
        if missing and all(_FRAME_FOLDER.search(file) for file in missing):
            message = f"{one.ann_file}: rows are 'FOLDER FRAMES LABEL'; list videos, not folders of frames"
            findings.append(Finding('error', message))
        elif missing:
            message = (
                f'{one.ann_file}: {len(missing)} of {len(one.files)} videos are missing: '
                f'{first_few(missing)}; check data_prefix'
            )
            findings.append(Finding('error', message))
        if others:
            message = f'{len(others)} of {len(one.files)} videos cannot be opened: {first_few(others)}'
            findings.append(Finding('error', f'{one.ann_file}: {message}'))
    return findings


def check_anchor_classes(lists: Sequence[CheckedList], anchor_classes: Sequence[str] = ()) -> list[Finding]:
    """Warn of each class whose name is, or resembles, that of a class of the anchors.

    Args:
        lists: The lists; if the anchors have a label map, its classes count.
        anchor_classes: More classes that the anchors are videos of.
    """
    anchors = {normalise_class_name(name): name for name in anchor_classes}
    targets: dict[str, str] = {}
    for one in lists:
        if one.role == 'anchor':
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


_MISSING = 'no such file'


def _problem(path: str) -> str | None:
    """Why a path is no file that can be opened; None if it is one."""
    try:
        if not os.path.isfile(path):
            os.stat(path)  # says why
            return 'a folder, no file' if os.path.isdir(path) else 'no regular file'
    except (FileNotFoundError, NotADirectoryError):
        return _MISSING
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None if os.access(path, os.R_OK, effective_ids=True) else 'permission denied'


def _check_some_files(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    """An error for each list of which no video is found; some are looked for."""
    for one in lists:
        some = one.files[:: max(1, len(one.files) // LOOKED_FOR)]
        problems = [problem for file in some if (problem := _problem(file))]
        if some and len(problems) == len(some):
            message = (
                f'{one.key}: none of the {len(some)} videos of {one.ann_file} that were looked for can be '
                f'opened, the first is {first_few(some[:1])} ({problems[0]}); check data_prefix'
            )
            yield Finding('error', message)


def _same_videos(
    lists: Sequence[CheckedList], thorough: bool
) -> tuple[dict[str, str], dict[str, str], list[Finding]]:
    """Of each path the first one of the same file, and of the same content; and what was not compared."""
    paths = dict.fromkeys(file for one in lists for file in one.files)
    if not thorough and len(paths) > MOST_FILES:
        message = (
            f'{len(paths)} videos are too many to look before a run whether two are the same file or copies; '
            'tools/data/check_split.py does'
        )
        alone = {path: path for path in paths}
        return alone, alone, [Finding('warning', message)]
    files = same_files(paths)
    first, left = same_contents(dict.fromkeys(files.values()), None if thorough else MOST_READ)
    contents = {path: first[file] for path, file in files.items()}
    if not left:
        return files, contents, []
    message = (
        f'{left} more videos have the size of another one; whether they are copies of it was not looked at, '
        'tools/data/check_split.py does'
    )
    return files, contents, [Finding('warning', message)]


def _repeated_videos(one: CheckedList, files: dict[str, str], contents: dict[str, str]) -> Iterator[Finding]:
    seen: dict[str, tuple[int, str, int]] = {}
    twice, copies, contradicting = [], [], []
    for row, (file, label) in enumerate(zip(one.files, one.labels, strict=True)):
        first_row, first, first_label = seen.setdefault(contents[file], (row, file, label))
        if label != first_label:
            contradicting.append(f'{_both(file, first)} (labels {first_label} and {label})')
        elif row != first_row:
            (twice if files[file] == files[first] else copies).append(_both(file, first))
    if twice:
        yield Finding('error', f'{one.ann_file}: {len(twice)} rows repeat a video: {first_few(twice)}')
    if copies:
        yield Finding('warning', f'{one.ann_file}: {len(copies)} videos are copies: {first_few(copies)}')
    if contradicting:
        message = f'{one.ann_file}: {len(contradicting)} videos have two labels: {first_few(contradicting)}'
        yield Finding('error', message)


def _both(file: str, first: str) -> str:
    return file if file == first else f'{file} (the same video as {first})'


def _empty_classes(one: CheckedList) -> Iterator[Finding]:
    present = set(one.labels)
    empty = [f"'{name}'" for label, name in enumerate(one.classes) if label not in present]
    if empty:
        message = (
            f'{one.ann_file}: {len(empty)} of {len(one.classes)} classes have no video: {first_few(empty)}'
        )
        yield Finding('error' if one.role == 'training' else 'warning', message)


def _labels_against_folders(one: CheckedList) -> Iterator[Finding]:
    """An error where most videos that lie in a folder with a class's name have the label of another one."""
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


def _shared_videos(
    first: CheckedList, second: CheckedList, contents: dict[str, str], chooses: bool
) -> Iterator[Finding]:
    roles, splits = {first.role, second.role}, {first.split, second.split}
    if roles == {'test'} and splits != {'base', 'novel'} and (None not in splits or len(splits) == 1):
        return  # several splits of one dataset may share test videos, but none with irrelevant ones
    if roles == {'training'} or roles <= {'anchor', 'generated anchor'}:
        return  # lists with other classes are an error of their own, and sources of anchors may overlap
    if roles == {'training', 'generated anchor'}:
        return  # anchors are generated from training videos
    of_first = {contents[file]: file for file in first.files}
    shared = {_both(file, of_first[contents[file]]) for file in second.files if contents[file] in of_first}
    if shared:
        message = (
            f'{len(shared)} videos are in both the {first.role} list {first.ann_file} and the {second.role} '
            f'list {second.ann_file}: {first_few(sorted(shared))}'
        )
        harmless = roles == {'validation', 'test'} and not chooses
        yield Finding('warning' if harmless else 'error', message)


def _novel_base_classes(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    novel = {normalise_class_name(n): n for one in lists if one.split == 'novel' for n in one.classes}
    # A test set of all classes has the novel ones too.
    known = [one for one in lists if one.split == 'base' or (one.split == 'all' and one.role != 'test')]
    seen = {normalise_class_name(name): name for one in known for name in one.classes}
    both = [f"'{seen[key]}' ('{novel[key]}')" for key in novel if key in seen]
    if both:
        yield Finding('error', f'{len(both)} novel classes are base classes too: {first_few(both)}')


def _test_sets_without_classes(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    tested = [one for one in lists if one.role == 'test']
    if tested and all(one.key.startswith(IRRELEVANT) for one in tested):
        message = f'{IRRELEVANT}dataset is tested beside sets with classes, such as base and novel: add one'
        yield Finding('error', message)
    for one in tested:
        if not one.classes and not one.key.startswith(IRRELEVANT):
            message = f'{one.key} does not name its classes: use ActionVideoDataset with a label_map'
            yield Finding('error', message)


def check_classes(cfg: dict[str, Any], lists: Sequence[CheckedList]) -> list[Finding]:
    """Check that the classes of a config's lists fit each other, and what its model is told of classes.

    Errors: validation on other classes than those of training, other ones in ``cls_head.class_names``,
    classes without a context in ``text_prompt.class_names``, a novel class among the negatives. A warning:
    base classes of a test set that are not trained on.
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


def _other_classes(what: str, classes: Sequence[str], trained: CheckedList) -> Iterator[Finding]:
    if tuple(classes) == trained.classes:
        return
    pairs = zip_longest(classes, trained.classes, fillvalue='none')
    label, (name, other) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
    message = (
        f'{what} has {len(classes)} classes, the training list {trained.ann_file} {len(trained.classes)}, '
        f'and they differ: label {label} is {quoted(name)} and {quoted(other)}; give both one label map'
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
    """Errors for classes that a text prompt with contexts of classes cannot serve."""
    learnt = set(contexts) & set(trained.classes)
    for one in lists:
        without = [quoted(name) for name in one.classes if name not in learnt]
        if without and one.role in ('training', 'validation', 'test'):
            message = (
                f'{one.ann_file}: {len(without)} classes have no trained context, as '
                f'model.cls_head.text_prompt.class_names gives classes: {first_few(without)}; leave it out, '
                'or use only classes that both it and training have'
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
