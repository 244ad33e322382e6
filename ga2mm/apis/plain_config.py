"""Configs of a model and of its pipeline as plain JSON values, and the check of those that a file brings."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ga2mm.registry import MODELS, TRANSFORMS

MMACTION_MODELS = {'ActionDataPreprocessor', 'CrossEntropyLoss'}
"""Classes of MMAction2 that a model of a file may have. Others would download and unpickle weights."""

MMACTION_TRANSFORMS = {
    'ArrayDecode', 'CenterCrop', 'DecordDecode', 'DecordInit', 'DenseSampleFrames', 'FormatShape', 'Fuse',
    'OpenCVDecode', 'OpenCVInit', 'PackActionInputs', 'PyAVDecode', 'PyAVInit', 'Resize', 'SampleFrames',
    'TenCrop', 'ThreeCrop', 'UniformSample', 'UniformSampleFrames',
}  # fmt: skip
"""Transforms of MMAction2 that the pipeline of a file may have: those of testing."""

NO_KEYS = {
    'cache_dir', 'init_cfg', '_scope_', 'backend_args', 'io_backend', 'keep_frames', 'blending', 'compile',
}  # fmt: skip
"""Keys that a file does not need: for training, or places of one machine."""

TUPLE = 'tuple'
"""Key of a dict that stands for a tuple, which JSON does not have."""

LONGEST_TEXT = 2000
"""Maximum number of characters of a text."""

MOST_ENTRIES = 100_000
"""Maximum number of values of a config."""

DEEPEST = 20
"""Maximum depth of nested values."""

LARGEST = 2**24
"""Maximum of the product of the whole numbers of one part, since they are sizes."""

LARGEST_LEARNT = 2**16
"""The same for a part with learnt parameters, whose memory is this times that of a token in each layer."""

LEARNT = {'text_prompt', 'vision_prompt', 'coupling', 'temporal'}

LARGEST_TOWER = 2**32
"""Maximum number of weights of a tower whose architecture is in the file."""


def to_plain(value: Any, place: str) -> Any:
    """Give a config as plain JSON values; tuples become ``{'tuple': [...]}``, classes their names.

    Keys of ``NO_KEYS`` are left out.

    Raises:
        ValueError: A value has no form in JSON.
    """
    if isinstance(value, dict):
        return {str(key): to_plain(one, f'{place}.{key}') for key, one in value.items() if key not in NO_KEYS}
    if isinstance(value, tuple):
        return {TUPLE: [to_plain(one, f'{place}[{i}]') for i, one in enumerate(value)]}
    if isinstance(value, list):
        return [to_plain(one, f'{place}[{i}]') for i, one in enumerate(value)]
    if value is None or isinstance(value, str | bool | int) or (_is_number(value) and math.isfinite(value)):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, type):
        return value.__name__
    raise ValueError(
        f'{place}={value!r} cannot be in a model file: give numbers, texts, lists and dicts, and the name of '
        'a registered class as type'
    )


def from_plain(value: Any) -> Any:
    """Undo :func:`to_plain`."""
    if isinstance(value, dict):
        if set(value) == {TUPLE}:
            return tuple(from_plain(one) for one in value[TUPLE])
        return {key: from_plain(one) for key, one in value.items()}
    return [from_plain(one) for one in value] if isinstance(value, list) else value


def check_plain(value: Any, place: str) -> None:
    """Check depth, number and size of plain values.

    Raises:
        ValueError: They are too many, too deep or too long, or of another type than JSON has.
    """
    waiting, entries = [(place, value, 0)], 0
    while waiting:
        place, value, depth = waiting.pop()
        entries += 1
        if entries > MOST_ENTRIES or depth > DEEPEST:
            raise ValueError(f'{place}: more than {MOST_ENTRIES} values, or deeper than {DEEPEST}')
        if isinstance(value, dict):
            if TUPLE in value and not (len(value) == 1 and isinstance(value[TUPLE], list)):
                raise ValueError(f'{place}: {TUPLE} stands alone and has a list')
            waiting += [(f'{place}.{key[:50]}', one, depth + 1) for key, one in value.items()]
        elif isinstance(value, list):
            waiting += [(f'{place}[{i}]', one, depth + 1) for i, one in enumerate(value)]
        elif isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                raise ValueError(f'{place} has {len(value)} characters, more than {LONGEST_TEXT}')
        elif not (value is None or isinstance(value, bool) or _is_number(value)):
            raise ValueError(f'{place} is a {type(value).__name__}')
        elif _is_number(value) and not abs(value) <= LARGEST:
            raise ValueError(f'{place}={value} is out of range')


def check_model(model: dict[str, Any]) -> None:
    """Check that the config of a model names only classes of ga2mm, and sizes that fit into memory.

    Also allowed are classes that the calling program registered in ga2mm's registry itself.

    Raises:
        ValueError: The config has another class or key, or a number is out of range.
    """
    MODELS.import_from_location()
    allowed = {*MODELS.module_dict, *MMACTION_MODELS}
    for place, part in _dicts(model, 'model'):
        if place == 'model.backbone.arch':
            _check_arch(part, place)
            continue
        _check_keys(part, place)
        _check_type(part, place, allowed)
        _check_sizes(part, place)
    for key in ('backbone', 'cls_head'):
        if not isinstance(model.get(key), dict) or 'type' not in model[key]:
            raise ValueError(f'model.{key} is missing')
    source = model['backbone'].get('arch')
    if isinstance(source, str) and source.startswith('hf-hub:'):
        raise ValueError(
            f'its CLIP is {source}, which a file must not choose to download: give it as clip '
            f'(--clip {source})'
        )


def check_pipeline(pipeline: Any) -> None:
    """Check that a pipeline is a list of transforms of ga2mm or of MMAction2's transforms for testing.

    Raises:
        ValueError: It has another class or key, or a number is out of range.
    """
    TRANSFORMS.import_from_location()
    if not isinstance(pipeline, list) or not pipeline or not all(isinstance(step, dict) for step in pipeline):
        raise ValueError('pipeline is not a list of transforms')
    allowed = {*TRANSFORMS.module_dict, *MMACTION_TRANSFORMS}
    for place, step in _dicts(pipeline, 'pipeline'):
        _check_keys(step, place)
        if place.count('.') == 0:
            _check_type(step, place, allowed, needed=True)
        elif 'type' in step:
            _check_type(step, place, allowed)
        _check_sizes(step, place)


def _dicts(value: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give (place, dict) of all dicts in a config that do not stand for tuples, the outer ones first."""
    if isinstance(value, dict):
        if set(value) != {TUPLE}:
            yield place, value
        if place == 'model.backbone.arch':
            return
        for key, one in value.items():
            yield from _dicts(one, f'{place}.{key}')
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from _dicts(one, f'{place}[{i}]')


def _check_keys(part: dict[str, Any], place: str) -> None:
    for key in part:
        if key in NO_KEYS or not key.isidentifier():
            raise ValueError(f'{place} has the key {key[:50]!r}, which a model file does not have')


def _check_type(part: dict[str, Any], place: str, allowed: set[str], needed: bool = False) -> None:
    if 'type' not in part and not needed:
        return
    kind = part.get('type')
    if not isinstance(kind, str) or kind.removeprefix('ga2mm.').removeprefix('mmaction.') not in allowed:
        raise ValueError(f'{place}.type={kind!r} is not a class that a model file may name')


def _check_sizes(part: dict[str, Any], place: str) -> None:
    largest = LARGEST_LEARNT if place.rpartition('.')[2] in LEARNT else LARGEST
    product = 1
    for value in part.values():
        entries = value[TUPLE] if isinstance(value, dict) and set(value) == {TUPLE} else value
        entries = entries if isinstance(entries, list) else [entries]
        sizes = [abs(one) for one in entries if isinstance(one, int) and not isinstance(one, bool)]
        # Two numbers are a height and a width, more of them a choice for each layer.
        product *= max(1, math.prod(sizes)) if len(sizes) == 2 else max([1, *sizes])
    if product > largest:
        raise ValueError(f'{place} has sizes whose product is {product}, more than {largest}')


def _check_arch(arch: dict[str, Any], place: str) -> None:
    """Check that the towers of an architecture that is in the file have a size that CLIPs have."""
    for name in ('vision_cfg', 'text_cfg'):
        tower = arch.get(name)
        width, layers = (tower.get(key, 1) if isinstance(tower, dict) else 0 for key in ('width', 'layers'))
        size = tower.get('vocab_size', tower.get('image_size', 1)) if isinstance(tower, dict) else 0
        whole = all(isinstance(one, int) and one > 0 for one in (width, layers, size))
        if not whole or 12 * width**2 * layers > LARGEST_TOWER or size * width > LARGEST_TOWER:
            raise ValueError(f'{place}.{name} has no towers of a size that CLIPs have')


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
