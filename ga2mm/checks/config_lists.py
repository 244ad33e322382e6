"""Reader of the lists of all datasets in a config."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ga2mm.anchors.generated_anchors import GeneratedAnchors
from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.tolerant_video_dataset import TolerantVideoDataset
from ga2mm.engine.protocol_test_sets import named_sets
from ga2mm.registry import DATASETS

CALIBRATION = 'model.test_cfg.anchor_calibration'
"""Key with the anchors of the calibration at test time."""

ROLES = {
    'train_dataloader': 'training',
    'val_dataloader': 'validation',
    'test_dataloader': 'test',
    CALIBRATION: 'calibration anchor',
}


@dataclass(frozen=True)
class Finding:
    """Problem (``'error'``) or possible problem (``'warning'``) of a config's lists."""

    level: str
    message: str

    def __str__(self) -> str:
        return f'{self.level}: {self.message}'


@dataclass(frozen=True)
class CheckedList:
    """Content of a config's list.

    Args:
        role: ``'training'``, ``'anchor'``, ``'generated anchor'`` (the videos that anchors are generated
            from), ``'validation'``, ``'test'`` or ``'calibration anchor'``.
        ann_file: The file, or all files of merged lists.
        split: ``'base'``, ``'novel'`` or ``'all'``; None without class names.
        classes: Class names, indexed by label; empty unless the dataset is an ActionVideoDataset.
        files: Absolute paths of the videos; links to folders are resolved.
        labels: Labels of the videos.
        key: Key of the list in the config.
    """

    role: str
    ann_file: str
    split: str | None
    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[int, ...]
    key: str = ''


def read_config_lists(
    cfg: dict[str, Any], dataloaders: Sequence[str] = tuple(ROLES), missing: str = 'error'
) -> tuple[list[CheckedList], list[Finding]]:
    """Read the lists of a config.

    Nested datasets (``AnchorDataset``, ``RepeatDataset``, ``ConcatDataset`` and any other with ``dataset`` or
    ``datasets``) are read; concatenated lists with the same classes are merged into one. For weighted
    anchors, each source is read; for generated anchors, their source videos. ``test_dataloader`` maps names
    to a dataloader or to a list of them. The anchors of the calibration are read as those of training. Lists
    are read in full; ``indices`` is ignored.

    Args:
        cfg, dataloaders: The config, and the keys of the dataloaders to read; ``CALIBRATION`` for the anchors
            of the calibration.
        missing: Level of a finding for a list that is missing or cannot be opened.

    Returns:
        The lists, and findings for lists that were not read: a warning for a dataset of another package, an
        error for an invalid list.
    """
    lists: list[CheckedList] = []
    findings: list[Finding] = []
    real_folder = cache(os.path.realpath)
    for key, loader in _loaders(cfg, dataloaders):
        parts: list[CheckedList] = []
        for role, place, dataset in _datasets_of(key, loader):
            kind = dataset.get('type') if isinstance(dataset, dict) else type(dataset)
            cls = DATASETS.get(kind) if isinstance(kind, str) else kind
            if not isinstance(dataset, dict) or not (
                isinstance(cls, type) and issubclass(cls, TolerantVideoDataset)
            ):
                findings.append(Finding('warning', f'{place}: a dataset of type {kind} is not checked'))
                continue
            arguments = {name: value for name, value in dataset.items() if name != 'type'}
            try:
                parts.append(_read_list(cls, arguments, role, place, real_folder))
            except OSError as error:
                findings.append(Finding(missing, f'{place}: {error}'))
            except (TypeError, ValueError) as error:
                findings.append(Finding('error', f'{place}: {error}'))
        lists += _put_together(parts)
    return lists, findings


def innermost_datasets(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the configs of the datasets nested in a dataset, or its own; anchors are excluded."""
    return [inner for role, _, inner in _datasets('', '', dict(dataset=dataset)) if not role]


def _read_list(cls: type, arguments: dict[str, Any], role: str, key: str, real_folder: Any) -> CheckedList:
    # The dataset reads its own files, so that the check reads the same videos as a run.
    built = cls(**arguments | dict(pipeline=[], lazy_init=True))
    videos = built.load_data_list()
    paths = [os.path.split(video['filename']) for video in videos]
    labelled = isinstance(built, ActionVideoDataset)
    return CheckedList(
        role=role,
        ann_file=str(built.ann_file),
        split=built.metainfo['split'] if labelled else None,
        classes=built.classes if labelled else (),
        files=tuple(os.path.join(real_folder(folder), name) for folder, name in paths),
        labels=tuple(video['label'] for video in videos),
        key=key,
    )


def _put_together(parts: Sequence[CheckedList]) -> list[CheckedList]:
    """Merge the lists of one dataloader that have equal role, split and classes; anchors stay separate."""
    together: dict[Any, list[CheckedList]] = {}
    for number, part in enumerate(parts):
        whole = (part.role, part.split, part.classes) if part.role in ROLES.values() else number
        together.setdefault(whole, []).append(part)
    return [
        replace(
            several[0],
            ann_file=' + '.join(dict.fromkeys(one.ann_file for one in several)),
            files=tuple(file for one in several for file in one.files),
            labels=tuple(label for one in several for label in one.labels),
        )
        for several in together.values()
    ]


def _loaders(cfg: dict[str, Any], dataloaders: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give (config key, config) of each dataloader; test sets are named and may have several splits."""
    for key in dataloaders:
        loader = calibration_of(cfg) if key == CALIBRATION else cfg.get(key)
        found = [(key, loader)]
        if key == 'test_dataloader' and loader and 'dataset' not in loader:
            found = [(f'{key}.{place}', one) for _, place, one in named_sets(loader)]
        yield from (pair for pair in found if isinstance(pair[1], dict))


def calibration_of(cfg: dict[str, Any]) -> dict[str, Any] | None:
    """Give the calibration of a config; None if it reads no anchors."""
    found = ((cfg.get('model') or {}).get('test_cfg') or {}).get('anchor_calibration') or {}
    return found if found.get('strength') and found.get('dataset') else None


def _datasets_of(key: str, loader: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give (role, config key, config) of the datasets below a key of ``ROLES``."""
    if key == CALIBRATION:
        return _anchor_datasets(f'{key}.dataset', loader['dataset'], ROLES[CALIBRATION])
    return _datasets(ROLES[key.split('.')[0]], f'{key}.dataset', loader)


def _datasets(role: str, key: str, loader: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give (role, config key, config) of a dataloader's dataset or of its nested datasets."""
    dataset = loader.get('dataset', {})
    if not isinstance(dataset, dict):  # an object, whose config is unknown
        yield role, key, dataset
    elif dataset.get('anchors') is not None:
        yield from _datasets(role, f'{key}.dataset', dataset)
        yield from _anchor_datasets(f'{key}.anchors', dataset['anchors'])
    elif 'datasets' in dataset:
        for i, one in enumerate(dataset['datasets']):
            yield from _datasets(role, f'{key}.datasets[{i}]', dict(dataset=one))
    elif 'dataset' in dataset:
        yield from _datasets(role, f'{key}.dataset', dataset)
    else:
        yield role, key, dataset


def _anchor_datasets(
    key: str, anchors: dict[str, Any], role: str = 'anchor'
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give (role, config key, config) of each dataset that gives anchors."""
    kind = anchors.get('type') if isinstance(anchors, dict) else None
    cls = DATASETS.get(kind) if isinstance(kind, str) else kind
    if isinstance(anchors, dict) and 'sources' in anchors:
        for i, source in enumerate(anchors['sources']):
            yield from _anchor_datasets(f'{key}.sources[{i}]', source, role)
    elif isinstance(cls, type) and issubclass(cls, GeneratedAnchors):
        yield from _datasets('generated anchor', f'{key}.dataset', anchors)
    else:
        yield from _datasets(role, key, dict(dataset=anchors))
