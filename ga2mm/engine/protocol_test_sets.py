"""The named test sets of :class:`~ga2mm.engine.ProtocolTestLoop`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader

IRRELEVANT = 'irrelevant'
"""Name of the test set of irrelevant videos, which belong to no class."""


@dataclass
class TestSet:
    """A test set and its name, such as ``base``, or ``ucf101/2`` for the second of several splits."""

    name: str
    dataloader: DataLoader

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.dataloader.dataset.metainfo['classes'])


def are_configs(value: Any) -> bool:
    """Tell whether a value is the config of a test set, or a list of the configs of its splits."""
    splits = value if isinstance(value, list | tuple) else [value]
    return bool(splits) and all(isinstance(split, dict) for split in splits)


def named_sets(dataloaders: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Give name, key and config of every test set; splits are ``ucf101/1`` with the key ``ucf101[0]``."""
    for name, config in dataloaders.items():
        if isinstance(config, list | tuple):
            yield from ((f'{name}/{i + 1}', f'{name}[{i}]', split) for i, split in enumerate(config))
        else:
            yield name, name, config


def test_configs(dataloaders: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the name and the config of every test set."""
    wanted = 'ProtocolTestLoop needs test_dataloader=dict(NAME=dict(...), ...), such as base and novel'
    if not isinstance(dataloaders, dict) or not dataloaders:
        raise ValueError(wanted)
    for name, config in dataloaders.items():
        if not are_configs(config):
            raise ValueError(
                f'{wanted}, or a list of dicts for the splits of one dataset, not {name}={config!r}'
            )
    yield from ((name, config) for name, _, config in named_sets(dataloaders))


def check_classes(sets: list[TestSet]) -> None:
    """Check that all sets name their classes, and that base and novel sets share no class.

    Raises:
        ValueError: A set does not name its classes, or base and novel sets share classes.
    """
    for each in sets:
        if 'classes' not in (getattr(each.dataloader.dataset, 'metainfo', None) or {}):
            raise ValueError(
                f'test_dataloader.{each.name}.dataset does not name its classes: use ActionVideoDataset with '
                'a label_map'
            )
    classes = {each.name: set(each.classes) for each in sets}
    shared = classes.get('base', set()) & classes.get('novel', set())
    if shared:
        raise ValueError(
            f'base and novel test sets share {len(shared)} classes, such as {min(shared)!r}: give each '
            'its own label_map'
        )
