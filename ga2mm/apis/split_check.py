"""What can be wrong with the lists of a config, found before a run."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from ga2mm.anchors.negatives import read_negatives
from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.annotation import read_annotation
from ga2mm.datasets.label_map import read_label_map
from ga2mm.datasets.similar_classes import normalise_class_name, similar_classes
from ga2mm.datasets.tolerant_video_dataset import TolerantVideoDataset
from ga2mm.registry import DATASETS
from ga2mm.utils import NAMED, first_few

ROLES = dict(train_dataloader='training', val_dataloader='validation', test_dataloader='test')

_FRAME_FOLDER = re.compile(r'/[^/.]+ \d+$')


@dataclass(frozen=True)
class Finding:
    """Something that is wrong (``'error'``) or may be wrong (``'warning'``) with the lists of a config."""

    level: str
    message: str

    def __str__(self) -> str:
        return f'{self.level}: {self.message}'


@dataclass(frozen=True)
class CheckedList:
    """A list of a config, read.

    Args:
        role: ``'training'``, ``'anchor'``, ``'generated anchor'`` (the videos that anchors are generated
            from), ``'validation'`` or ``'test'``.
        ann_file: The file.
        split: ``'base'``, ``'novel'`` or ``'all'``; None without class names.
        classes: Class names at the index of their labels; none for anchors without a label map.
        files: The videos as absolute paths; links in the place of folders are followed.
        labels: The labels of the videos.
    """

    role: str
    ann_file: str
    split: str | None
    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[int, ...]


def read_config_lists(
    cfg: dict[str, Any], dataloaders: Sequence[str] = tuple(ROLES)
) -> tuple[list[CheckedList], list[Finding]]:
    """Read the lists of a config.

    ``train_dataloader.dataset`` may be an ``AnchorDataset``; of anchors from several sources each is read,
    of generated ones the videos that they are generated from. ``test_dataloader`` maps names to a dataloader
    or to a list of them. Lists are read whole, whatever a dataset's ``indices``.

    Args:
        cfg: The config.
        dataloaders: Which of its dataloaders to read.

    Returns:
        The lists, and what is wrong with those that cannot be read: a dataset that is none of ours is skipped
        with a warning, a broken list is an error.
    """
    lists: list[CheckedList] = []
    findings: list[Finding] = []
    real_folder = cache(os.path.realpath)
    for role, key, dataset in _datasets(cfg, dataloaders):
        kind = dataset.get('type')
        cls = DATASETS.get(kind) if isinstance(kind, str) else kind
        if not (isinstance(cls, type) and issubclass(cls, TolerantVideoDataset)):
            findings.append(Finding('warning', f'{key}: a dataset of type {kind} is not checked'))
            continue
        arguments = {name: value for name, value in dataset.items() if name != 'type'}
        try:
            # The dataset itself reads its files, so that the check sees what a run would see.
            built = cls(**arguments | dict(pipeline=[], lazy_init=True))
            videos = built.load_data_list()
        except (OSError, TypeError, ValueError) as error:
            findings.append(Finding('error', f'{key}: {_labels_from_one(arguments) or error}'))
            continue
        paths = [os.path.split(video['filename']) for video in videos]
        labelled = isinstance(built, ActionVideoDataset)
        lists.append(
            CheckedList(
                role=role,
                ann_file=str(built.ann_file),
                split=built.metainfo['split'] if labelled else None,
                classes=built.classes if labelled else (),
                files=tuple(os.path.join(real_folder(folder), name) for folder, name in paths),
                labels=tuple(video['label'] for video in videos),
            )
        )
    return lists, findings


def check_train_config(cfg: dict[str, Any]) -> list[Finding]:
    """What is wrong with the lists of a config, as far as annotation files and label maps tell.

    No video is looked for, so that it takes seconds even for Kinetics. Training needs no test list: one that
    cannot be read is a warning. A novel class among the negatives is an error: its name would be trained on.
    """
    lists, findings = read_config_lists(cfg, ['train_dataloader', 'val_dataloader'])
    test_lists, broken = read_config_lists(cfg, ['test_dataloader'])
    findings += [Finding('warning', finding.message) for finding in broken]
    lists += test_lists
    return findings + check_lists(lists) + _novel_negatives(cfg, lists)


def check_lists(lists: Sequence[CheckedList]) -> list[Finding]:
    """Check lists by themselves and against each other; no video is looked for.

    Errors: a video that a list has twice or under two labels, a class without a training video, a video in
    the training list (or its anchors) and a validation or test list, a base class that is novel too.
    Warnings: a class without a validation or test video, validation on test videos.
    """
    findings: list[Finding] = []
    for one in lists:
        findings += _repeated_videos(one)
        findings += _empty_classes(one)
    for first, second in combinations(lists, 2):
        findings += _shared_videos(first, second)
    findings += _novel_base_classes(lists)
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
        missing = [file for file in one.files if not os.path.isfile(file)]
        if missing and all(_FRAME_FOLDER.search(file) for file in missing):
            message = f"{one.ann_file}: rows are 'FOLDER FRAMES LABEL'; list videos, not folders of frames"
            findings.append(Finding('error', message))
        elif missing:
            message = (
                f'{one.ann_file}: {len(missing)} of {len(one.files)} videos are missing: '
                f'{first_few(missing)}; check data_prefix'
            )
            findings.append(Finding('error', message))
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


def _datasets(cfg: dict[str, Any], dataloaders: Sequence[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(role, config key, config) of every dataset of these dataloaders."""
    loaders: list[tuple[str, str, dict[str, Any]]] = []
    for key in dataloaders:
        loader = cfg.get(key)
        if loader and key == 'test_dataloader' and 'dataset' not in loader:
            for name, value in loader.items():
                if isinstance(value, list | tuple):
                    loaders += [(key, f'{key}.{name}[{i}]', one) for i, one in enumerate(value)]
                else:
                    loaders.append((key, f'{key}.{name}', value))
        elif loader:
            loaders.append((key, key, loader))
    for key, place, loader in loaders:
        dataset = loader.get('dataset', {})
        if 'anchors' in dataset:
            yield ROLES[key], f'{place}.dataset.dataset', dataset['dataset']
            yield from _anchor_datasets(f'{place}.dataset.anchors', dataset['anchors'])
        else:
            yield ROLES[key], f'{place}.dataset', dataset


def _anchor_datasets(key: str, anchors: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(role, config key, config) of every dataset that anchors come from."""
    if 'sources' in anchors:
        for i, source in enumerate(anchors['sources']):
            yield from _anchor_datasets(f'{key}.sources[{i}]', source)
    elif 'dataset' in anchors:
        yield 'generated anchor', f'{key}.dataset', anchors['dataset']
    else:
        yield 'anchor', key, anchors


def _labels_from_one(arguments: dict[str, Any]) -> str | None:
    """The error of a list whose labels count from 1, else None."""
    try:
        label_map = arguments['label_map']
        num_classes = len(read_label_map(label_map) if isinstance(label_map, str) else label_map)
        labels = {label for _, label in read_annotation(arguments['ann_file'])}
    except (KeyError, OSError, ValueError):
        return None
    if min(labels) == 0 or max(labels) != num_classes:
        return None
    return (
        f'{arguments["ann_file"]}: labels are off by one, they end at {num_classes} and none is 0; '
        f'count them from 0 to {num_classes - 1}'
    )


def _repeated_videos(one: CheckedList) -> Iterator[Finding]:
    label_of: dict[str, int] = {}
    twice, contradicting = [], []
    for file, label in zip(one.files, one.labels, strict=True):
        if file not in label_of:
            label_of[file] = label
        elif label_of[file] == label:
            twice.append(file)
        else:
            contradicting.append(f'{file} (labels {label_of[file]} and {label})')
    if twice:
        yield Finding('error', f'{one.ann_file}: {len(twice)} rows repeat a video: {first_few(twice)}')
    if contradicting:
        message = f'{one.ann_file}: {len(contradicting)} videos have two labels: {first_few(contradicting)}'
        yield Finding('error', message)


def _empty_classes(one: CheckedList) -> Iterator[Finding]:
    present = set(one.labels)
    empty = [f"'{name}'" for label, name in enumerate(one.classes) if label not in present]
    if empty:
        message = (
            f'{one.ann_file}: {len(empty)} of {len(one.classes)} classes have no video: {first_few(empty)}'
        )
        yield Finding('error' if one.role == 'training' else 'warning', message)


def _shared_videos(first: CheckedList, second: CheckedList) -> Iterator[Finding]:
    roles = {first.role, second.role}
    if roles == {'test'} and {first.split, second.split} != {'base', 'novel'}:
        return  # several splits of one dataset may share test videos
    if roles == {'training', 'generated anchor'} or roles <= {'anchor', 'generated anchor'}:
        return  # anchors are generated from training videos, and their sources may overlap
    shared = sorted(set(first.files) & set(second.files))
    if shared:
        message = (
            f'{len(shared)} videos are in both the {first.role} list {first.ann_file} and the {second.role} '
            f'list {second.ann_file}: {first_few(shared)}'
        )
        yield Finding('warning' if roles == {'validation', 'test'} else 'error', message)


def _novel_base_classes(lists: Sequence[CheckedList]) -> Iterator[Finding]:
    novel = {normalise_class_name(n): n for one in lists if one.split == 'novel' for n in one.classes}
    seen = {normalise_class_name(n): n for one in lists if one.split in ('base', 'all') for n in one.classes}
    both = [f"'{seen[key]}' ('{novel[key]}')" for key in novel if key in seen]
    if both:
        yield Finding('error', f'{len(both)} novel classes are base classes too: {first_few(both)}')


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
