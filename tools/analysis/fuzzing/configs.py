"""Damaged configs, read by training and test."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

from fuzzing.damage import damage_bytes
from fuzzing.kind import ANYTHING, NOTHING, Case, Kind
from fuzzing.world import World, as_python, run_tool

FREE = ('test_dataloader', 'default_hooks', 'dist_cfg')
"""Keys whose subkeys are chosen by the user."""

VALUES = (
    None,
    True,
    -1,
    0,
    2,
    1.5,
    float('nan'),
    '',
    'no_such',
    '3',
    [],
    [1, 2],
    {},
    dict(type='NoSuch'),
    [{}],
)
"""Wrong values."""
TRAINING = (
    *('train_dataloader', 'val_dataloader', 'val_evaluator', 'train_cfg', 'val_cfg'),
    *('optim_wrapper', 'param_scheduler', 'auto_scale_lr'),
)
TESTING = ('test_dataloader', 'test_evaluator', 'test_cfg')
"""Keys that only the test reads."""

WHOLE = {
    'empty': ('.py', ''),
    'no Python': ('.py', 'model = dict(\n'),
    'no text': ('.py', '\0\0\0'),
    'an error': ('.py', 'model = 1 / 0\n'),
    'an unknown name': ('.py', 'model = dict(type=CLIPRecognizer)\n'),
    'an import of nothing': ('.py', 'import no_such_module\n'),
    'an exit': ('.py', 'raise SystemExit\n'),
    'no base': ('.py', "_base_ = 'no_such.py'\n"),
    'a folder as base': ('.py', "_base_ = '.'\n"),
    'itself as base': ('.py', "_base_ = 'damaged.py'\n"),
    'a number as base': ('.py', '_base_ = 3\n'),
    'an unknown variable': ('.py', "model = '{{ _base_.no_such }}'\n"),
    'a list': ('.json', '[1, 2]'),
    'a number': ('.json', '3'),
    'null': ('.json', 'null'),
    'no JSON': ('.json', '{'),
    'a YAML list': ('.yaml', '- 1\n- 2\n'),
    'a YAML word': ('.yaml', 'word\n'),
    'no YAML': ('.yaml', '{a: [}\n'),
    'YAML with code': ('.yaml', '!!python/object/apply:builtins.open [ran, w]\n'),
    'an empty YAML': ('.yaml', ''),
    'a list of videos': ('.txt', 'ring_0.mp4 0\n'),
    'no suffix': ('', 'model = dict()\n'),
}
"""Files that are not configs: suffix and content."""


class Configs(Kind):
    """Configs with a wrong key or value, and files that are not configs."""

    name = 'configs'
    names = ('',)  # a key is enough

    def __init__(self, sound: Path) -> None:
        super().__init__(sound)
        self.world = World(sound / 'world')

    def prepare(self) -> None:
        self.world.prepare()

    def damage(self, folder: Path, rng: random.Random) -> Case:
        cfg = Config.fromfile(self.world.config).to_dict()
        right, way = ANYTHING, rng.random()
        suffix = rng.choice(('.py', '.py', '.py', '.json', '.yaml'))
        if way < 0.03:
            what = 'sound'
        elif way < 0.2:
            what, (suffix, text) = rng.choice(list(WHOLE.items()))
            right = NOTHING
        elif way < 0.3:
            what = 'bytes'
        else:
            cfg, what, right = change_key(cfg, rng)
        if way >= 0.2 or way < 0.03:
            write = {'.py': as_python, '.json': json.dumps, '.yaml': yaml.safe_dump}[suffix]
            text = write(cfg)
        data = text.encode()
        if what == 'bytes':
            data, what = damage_bytes(data, rng)
        path = folder / f'damaged{suffix}'
        path.write_bytes(data)
        key = what.split('.')[0].split()[0]
        tools = ('train',) if key in TRAINING else ('test',) if key in TESTING else ('train', 'test')
        return Case(path, f'{what}; {rng.choice(tools)}', right)

    def read(self, case: Case) -> None:
        work_dir = ('--work-dir', case.path.parent / 'work_dir')
        if case.what.endswith('; train'):
            run_tool('train.py', case.path, *work_dir)
        else:
            run_tool('test.py', case.path, self.world.checkpoint, *work_dir)


def change_key(cfg: dict[str, Any], rng: random.Random) -> tuple[dict[str, Any], str, Any]:
    """Change one key of a config; return the changed config, a description and the correct result."""
    cfg = copy.deepcopy(cfg)
    parent, place = rng.choice(list(_dicts(cfg)))
    key = rng.choice(list(parent) or ['type'])
    where = '.'.join([*place, key])
    change = rng.choice(('misspelt', 'misspelt', 'missing', 'added', 'value', 'value', 'value'))
    right = ANYTHING
    if change == 'value' or not parent:
        parent[key] = rng.choice(VALUES)
        return cfg, f'{where} is {parent[key]!r}', right
    if change == 'misspelt':
        wrong = misspell(key, rng)
        content = {wrong if name == key else name: value for name, value in parent.items()}
        parent.clear()
        parent.update(content)
        change = f'{change} as {wrong}'
        right = ANYTHING if place and place[-1] in FREE else NOTHING
    elif change == 'missing':
        del parent[key]
    else:
        where = '.'.join([*place, 'no_such_key'])
        parent['no_such_key'] = rng.choice(VALUES)
        right = ANYTHING if not place or place[-1] in FREE else NOTHING  # variables stand at the top
    return cfg, f'{where} {change}', right


def misspell(word: str, rng: random.Random) -> str:
    """Drop or double one letter of a word, or swap it with its neighbour."""
    place = rng.randrange(len(word))
    wrong = rng.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
        )
    )
    return wrong if wrong not in ('', word) else f'{word}{word[-1]}'


def _dicts(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield every dict in a config, with the path of keys to it."""
    if isinstance(value, dict):
        yield value, place
        for key, inner in value.items():
            yield from _dicts(inner, (*place, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _dicts(inner, (*place, str(index)))
