"""From a benchmark's config to its cells: one run each, with everything that decides its outcome."""

import hashlib
import itertools
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ga2mm.apis.run import read_test_sets
from ga2mm.miniature.dataset import TEST_DRAWS, VALIDATION_DRAWS

PARTS = ('test', 'validation')
KEYS = {
    'title', 'note', 'part', 'worlds', 'env', 'datasets', 'methods', 'hard_prompt', 'baseline', 'shots',
    'draws', 'seeds', 'checkpoint',
}  # fmt: skip
METHOD_KEYS = {'config', 'options', 'env', 'learns', 'value'}
HARD_PROMPT_VARIABLE = 'GA2MM_HARD_PROMPT'
DRAW_VARIABLE = 'GA2MM_DRAW'


@dataclass(frozen=True)
class Cell:
    """One run of a benchmark.

    Args:
        method, dataset: Names, as the table has them.
        shots, draw, seed: Clips a class, class draw of the miniature world, random seed; None where the
            benchmark does not vary them. The seed is None too if nothing is learnt.
        config: The run's config file.
        env: Variables that the config reads.
        options: Keys that replace the config's, as ``--cfg-options`` does.
        test_sets: Config files whose test sets replace the config's.
        part: ``'test'``, or ``'validation'`` to test on the validation set of the base classes instead.
        learns: False for a method without anything to learn.
        checkpoint: ``'last'``, or ``'best'`` on the validation set.
        value: A hyperparameter's value, for the picture of its trade-off.
        hard_prompt: The run that a hard prompt is learnt in; None where the config needs none.
        config_hash: Of the whole config, its lists and label maps, and of the hard prompt's run.
    """

    method: str
    dataset: str
    shots: int | None
    draw: int | None
    seed: int | None
    config: str
    env: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)
    test_sets: tuple[str, ...] = ()
    part: str = 'test'
    learns: bool = True
    checkpoint: str = 'last'
    value: float | None = None
    hard_prompt: 'Cell | None' = None
    config_hash: str = ''

    @property
    def folder(self) -> Path:
        """Where the run's files are, under the benchmark's folder; it tells the cell to people."""
        parts = [self.dataset, self.method]
        numbers = [('draw', self.draw), ('shots', self.shots), ('seed', self.seed)]
        last = '_'.join(f'{name}{value}' for name, value in numbers if value is not None) or 'run'
        return Path('cells', *(re.sub(r'[^\w.+-]+', '_', part) for part in parts), last)

    def __str__(self) -> str:
        numbers = [('draw', self.draw), ('shots', self.shots), ('seed', self.seed)]
        named = [f'{name} {value}' for name, value in numbers if value is not None]
        return ', '.join([self.method, self.dataset, *named])

    def read_config(self) -> Config:
        """The config of the run, without its place and seed."""
        with _environment(self.env):
            cfg = Config.fromfile(self.config)
            # Pretty line breaks in logs and checkpoints would take longer than a small run.
            cfg = Config(cfg.to_dict(), filename=str(self.config), format_python_code=False)
            cfg.merge_from_dict(dict(self.options))
            if self.test_sets:
                cfg.test_dataloader = read_test_sets(self.test_sets)
        if self.part == 'validation' and self.draw is None:
            if not cfg.get('val_dataloader'):
                raise ValueError(
                    f"{self.config}: part='validation' needs a val_dataloader with held-out videos of the "
                    'base classes; tools/data/make_splits.py writes such a list'
                )
            cfg.test_dataloader = dict(base=cfg.val_dataloader)
            cfg.test_cfg = dict(type='ProtocolTestLoop')
        if self.checkpoint == 'last':
            cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        return cfg


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's cells and how its table is to be read."""

    title: str
    note: str
    part: str
    baseline: str | None
    worlds: list[dict[str, Any]]
    cells: list[Cell]


def read_benchmark(path: str | Path, work_dir: Path) -> Benchmark:
    """Read a benchmark's config and lay out its cells.

    The config has ``methods`` and ``datasets`` (dicts of dicts by the names in the table) and lists of
    ``seeds``, ``shots`` and ``draws``. A method has a ``config``, whose path is relative to the benchmark's
    and may name variables: ``'../ga2/{GA2MM_DATASET}_fewshot.py'``. ``env`` of the benchmark, of a dataset
    and of a method are the variables that the configs read; their values may name ``{shots}``, ``{seed}``
    and ``{draw}``. ``hard_prompt``, of the benchmark or of a dataset, names the config (and ``env``) of the
    run that a hard prompt is learnt in. ``worlds`` are arguments of the miniature world's generator.

    Args:
        path: The config file.
        work_dir: The benchmark's folder.

    Raises:
        ValueError: The config is wrong, methods differ in their budget, hyperparameters are varied on test
            data, or draws are not of the benchmark's part.
    """
    path = Path(path)
    config = Config.fromfile(path, format_python_code=False).to_dict()
    config.pop('env_variables', None)
    # Names with a leading underscore are the config's own.
    config = {key: value for key, value in config.items() if not key.startswith('_')}
    _check_keys(config, KEYS, str(path))
    for key in ('methods', 'datasets', 'seeds'):
        if not config.get(key):
            raise ValueError(f'{path}: {key} is missing or empty')
    part = config.get('part', 'test')
    if part not in PARTS:
        raise ValueError(f'{path}: part={part!r}; use one of {PARTS}')
    _check_draws(config.get('draws'), part, path)
    baseline = config.get('baseline')
    if baseline is not None and baseline not in config['methods']:
        raise ValueError(
            f'{path}: baseline={baseline!r} is no method; choose one of {list(config["methods"])}'
        )

    for name, dataset in config['datasets'].items():
        _check_keys(dataset, {'env', 'test_sets', 'hard_prompt'}, f'{path}, datasets[{name!r}]')
    for name, method in config['methods'].items():
        _check_keys(method, METHOD_KEYS, f'{path}, methods[{name!r}]')
    cells = []
    for dataset, draw, shots, seed, method in itertools.product(
        config['datasets'],
        config.get('draws') or [None],
        config.get('shots') or [None],
        config['seeds'],
        config['methods'],
    ):
        cell = _make_cell(config, path, dataset, method, dict(draw=draw, shots=shots, seed=seed), work_dir)
        if cell.folder not in {other.folder for other in cells}:  # what learns nothing has no seed
            cells.append(cell)
    _check_hyperparameters(cells, path)
    return Benchmark(
        title=config.get('title', path.stem),
        note=config.get('note', ''),
        part=part,
        baseline=baseline,
        worlds=config.get('worlds', []),
        cells=cells,
    )


def with_hashes(cells: list[Cell], chosen: list[Cell]) -> list[Cell]:
    """The cells with the hashes of their configs.

    The lists of those that are to run must exist by now; of others without lists the hash stays empty.

    Raises:
        ValueError: Methods differ in their budget.
        FileNotFoundError: A list or label map does not exist.
    """
    budgets: dict[tuple, tuple[str, dict]] = {}
    needed = {cell.folder for cell in chosen}
    found = []
    for cell in cells:
        try:
            found.append(_hashed(cell, budgets))
        except FileNotFoundError:
            if cell.folder in needed:
                raise
            found.append(cell)
    return found


def sources(cells: list[Cell]) -> list[Cell]:
    """The runs that hard prompts are learnt in, each once, those that others need first."""
    found: dict[Path, Cell] = {}

    def add(cell: Cell | None) -> None:
        if cell is not None:
            add(cell.hard_prompt)
            found.setdefault(cell.folder, cell)

    for cell in cells:
        add(cell.hard_prompt)
    return list(found.values())


def _make_cell(
    config: dict[str, Any], path: Path, dataset: str, method: str, numbers: dict[str, Any], work_dir: Path
) -> Cell:
    place = f'{path}, methods[{method!r}]'
    on, by = config['datasets'][dataset], config['methods'][method]
    learns = by.get('learns', True)
    env = {**config.get('env', {}), **on.get('env', {}), **by.get('env', {})}
    env = {key: _fill(str(value), numbers, place) for key, value in env.items()}
    if numbers['draw'] is not None:
        env[DRAW_VARIABLE] = str(numbers['draw'])
    cell = Cell(
        method=method,
        dataset=dataset,
        # Neither seed nor training clips can change what is not learnt.
        shots=numbers['shots'] if learns else None,
        draw=numbers['draw'],
        seed=numbers['seed'] if learns else None,
        config=_resolve(by['config'], path, {**env, **numbers}, place),
        env=env,
        options=by.get('options', {}),
        test_sets=tuple(_resolve(each, path, env, place) for each in on.get('test_sets', ())),
        part=config.get('part', 'test'),
        learns=learns,
        checkpoint=config.get('checkpoint', 'last'),
        value=by.get('value'),
    )
    source = on.get('hard_prompt', config.get('hard_prompt'))
    return _with_hard_prompt(cell, source, numbers['seed'], path, work_dir)


def _with_hard_prompt(cell: Cell, source: dict | None, seed: int, path: Path, work_dir: Path) -> Cell:
    """The cell with the run that its hard prompt comes from, if its config reads one."""
    if source is None or not cell.learns or not _reads_hard_prompt(cell):
        return cell
    place = f'{path}, hard_prompt'
    _check_keys(source, {'config', 'env', 'hard_prompt'}, place)
    numbers = dict(seed=seed)
    env = {
        key: _fill(str(value), {**cell.env, **numbers}, place) for key, value in source.get('env', {}).items()
    }
    config = _resolve(source['config'], path, {**env, **numbers}, place)
    variables = '_'.join(value for _, value in sorted(env.items()))
    learnt_in = Cell(
        method=f'{Path(config).stem} {variables}'.strip(),
        dataset='hard prompt',
        shots=None,
        draw=None,
        seed=seed,
        config=config,
        env=env,
    )
    learnt_in = _with_hard_prompt(learnt_in, source.get('hard_prompt'), seed, path, work_dir)
    written = work_dir / learnt_in.folder / 'hard_prompt.safetensors'
    return replace(cell, env={**cell.env, HARD_PROMPT_VARIABLE: str(written)}, hard_prompt=learnt_in)


def _reads_hard_prompt(cell: Cell) -> bool:
    text_prompt = cell.read_config().model.get('cls_head', {}).get('text_prompt') or {}
    return 'hard_prompt' in text_prompt


def _hashed(cell: Cell, budgets: dict[tuple, tuple[str, dict]]) -> Cell:
    source = _hashed(cell.hard_prompt, budgets) if cell.hard_prompt else None
    cfg = cell.read_config()
    if cell.learns and cell.dataset != 'hard prompt':
        _check_budget(cell, cfg, budgets)
    content = cfg.to_dict()
    content.pop('env_variables', None)
    if source is not None:
        content['model']['cls_head']['text_prompt']['hard_prompt'] = source.config_hash
    lists = {name: Path(name).read_bytes() for name in sorted(set(_files(content)))}
    digest = hashlib.sha256(json.dumps([content, cell.seed], sort_keys=True, default=repr).encode())
    for name, text in lists.items():
        digest.update(name.encode() + text)
    return replace(cell, hard_prompt=source, config_hash=digest.hexdigest()[:16])


def _files(content: Any) -> Iterator[str]:
    """Annotation files and label maps in a config."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in ('ann_file', 'label_map') and isinstance(value, str):
                yield value
            else:
                yield from _files(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _files(value)


def _check_budget(cell: Cell, cfg: Config, budgets: dict[tuple, tuple[str, dict]]) -> None:
    """All methods see as many labelled clips, of the same list, in as many steps."""
    dataset = cfg.train_dataloader.dataset
    labelled = dataset.get('dataset', dataset)
    budget = {
        'train_cfg.max_epochs': cfg.train_cfg.get('max_epochs'),
        'train_cfg.max_iters': cfg.train_cfg.get('max_iters'),
        'train_dataloader.batch_size': cfg.train_dataloader.batch_size,
        'optim_wrapper.accumulative_counts': cfg.optim_wrapper.get('accumulative_counts', 1),
        'train_dataloader.dataset.ann_file': labelled.get('ann_file'),
    }
    place = (cell.dataset, cell.shots, cell.draw, cell.seed)
    method, other = budgets.setdefault(place, (cell.method, budget))
    for key, value in budget.items():
        if value != other[key]:
            raise ValueError(
                f'{cell.config}: {key} is {value!r} for {cell.method!r} but {other[key]!r} for {method!r} on '
                f'{cell.dataset}: give all methods of a benchmark the same budget'
            )


def _check_hyperparameters(cells: list[Cell], path: Path) -> None:
    """A sweep, that is one config with several sets of options, is for validation data only."""
    by_config: dict[tuple, dict[str, str]] = {}
    for cell in cells:
        if cell.part == 'test' and cell.learns:
            place = (cell.dataset, cell.shots, cell.draw, cell.seed, cell.config)
            options = json.dumps(cell.options, sort_keys=True, default=repr)
            methods = by_config.setdefault(place, {})
            methods[options] = cell.method
            if len(methods) > 1:
                first, second = list(methods.values())[:2]
                raise ValueError(
                    f'{path}: {first!r} and {second!r} are one config with different options: '
                    "hyperparameters are chosen on validation data (part='validation'), never on the test"
                )


def _check_draws(draws: list[int] | None, part: str, path: Path) -> None:
    allowed = TEST_DRAWS if part == 'test' else VALIDATION_DRAWS
    for draw in draws or ():
        if draw not in allowed:
            raise ValueError(
                f'{path}: draw {draw} is no {part} draw; part={part!r} takes {allowed.start} to '
                f'{allowed.stop - 1}'
            )


def _check_keys(config: dict[str, Any], known: set[str], place: str) -> None:
    for key in config:
        if key not in known:
            raise ValueError(f'{place}: unknown key {key!r}; known are {", ".join(sorted(known))}')


def _fill(text: str, values: dict[str, Any], place: str) -> str:
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f'{place}: {text!r} names {error}; known are {", ".join(values)}') from None


def _resolve(text: str, path: Path, values: dict[str, Any], place: str) -> str:
    """The path of a config, which is relative to the benchmark's own."""
    found = (path.parent / _fill(text, values, place)).resolve()
    if not found.is_file():
        raise FileNotFoundError(f'{place}: {found} does not exist')
    return str(found)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for the configs read inside, and no others of ours."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith('GA2MM_') and name != 'GA2MM_TRACEBACK':
            del os.environ[name]
    os.environ.update(variables)
    logging.disable(logging.INFO)  # MMEngine reports each variable
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        os.environ.clear()
        os.environ.update(before)
