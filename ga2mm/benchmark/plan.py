"""From a benchmark's config to its cells: one run each, with everything that decides its outcome."""

import copy
import hashlib
import itertools
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ga2mm.apis.config import merge_options, read_config
from ga2mm.apis.config_check import check_config
from ga2mm.apis.run import read_test_sets
from ga2mm.miniature.dataset import MANIFEST, TEST_DRAWS, VALIDATION_DRAWS
from ga2mm.models.clip.loading import MINIATURE

PARTS = ('test', 'validation')
CHECKPOINTS = ('last', 'best')
READ_BY_TESTS = ('model', 'test_dataloader', 'test_evaluator', 'test_cfg')
READ_BY_TRAINING = (
    'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'custom_hooks',
    'val_dataloader', 'val_cfg', 'val_evaluator',
)  # fmt: skip
KEYS = {
    'title', 'note', 'part', 'worlds', 'env', 'datasets', 'methods', 'hard_prompt', 'baseline', 'shots',
    'draws', 'seeds', 'checkpoint',
}  # fmt: skip
METHOD_KEYS = {'config', 'options', 'env', 'learns', 'trained_as', 'baseline', 'series', 'value'}
HARD_PROMPT_VARIABLE = 'GA2MM_HARD_PROMPT'
DRAW_VARIABLE = 'GA2MM_DRAW'
METHOD_VARIABLE = 'GA2MM_METHOD'
"""What a config of several methods, such as ``configs/zoo/miniature.py``, reads to choose one."""


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
        series, value: What a sweep belongs to and a hyperparameter's value in it, for the picture of the
            trade-off; by default the method and no value.
        hard_prompt: The run that a hard prompt is learnt in; None where the config needs none.
        trained_as: The run whose checkpoint is tested; None for one of its own.
        config_hash: Of all that decides the outcome, see :func:`hashed`; empty before it is known.
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
    series: str = ''
    value: float | None = None
    hard_prompt: 'Cell | None' = None
    trained_as: 'Cell | None' = None
    config_hash: str = ''

    @property
    def trains(self) -> bool:
        """Whether the run trains, and does not only test."""
        return self.learns and self.trained_as is None

    @property
    def needs(self) -> list['Cell']:
        """The runs that have to be finished first."""
        return [cell for cell in (self.hard_prompt, self.trained_as) if cell is not None]

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
        content = _read_file(self.config, Path(self.config).stat().st_mtime_ns, tuple(self.env.items()))
        # Pretty line breaks in logs and checkpoints would take longer than a small run.
        cfg = Config(copy.deepcopy(content), filename=str(self.config), format_python_code=False)
        merge_options(cfg, self.options)
        check_config(cfg)
        if self.test_sets:
            with _environment(self.env):
                cfg.test_dataloader = read_test_sets(self.test_sets)
        if self.part == 'validation' and self.draw is None:
            if not cfg.get('val_dataloader'):
                raise ValueError(
                    f"{self.config}: part='validation' needs a val_dataloader with held-out videos of the "
                    'base classes; tools/data/make_splits.py writes such a list'
                )
            cfg.test_dataloader = dict(base=cfg.val_dataloader)
            cfg.test_cfg = dict(type='ProtocolTestLoop')
        if self.checkpoint == 'best' and self.learns and not cfg.get('val_dataloader'):
            raise ValueError(
                f"{self.config}: checkpoint='best' needs a val_dataloader with held-out videos of the base "
                'classes; configs/ga2/ucf101_base2novel_best.py shows one'
            )
        if self.checkpoint == 'last':
            cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        return cfg


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's cells and how its table is to be read.

    Args:
        title, note: What it is called, and what its table does not say.
        part: ``'test'`` or ``'validation'``.
        baselines: Methods that all others are compared with.
        own_baselines: For some methods the one that they are compared with in a table of such pairs.
        worlds: Arguments of the miniature world's generator, for each world that is needed.
        cells: The runs.
    """

    title: str
    note: str
    part: str
    baselines: list[str]
    own_baselines: dict[str, str]
    worlds: list[dict[str, Any]]
    cells: list[Cell]


def read_benchmark(path: str | Path, work_dir: Path) -> Benchmark:
    """Read a benchmark's config and lay out its cells.

    The config has ``methods`` and ``datasets`` (dicts of dicts by the names in the table) and lists of
    ``seeds``, ``shots`` and ``draws``. A method has a ``config``, whose path is relative to the benchmark's
    and may name variables: ``'../ga2/{GA2MM_DATASET}_fewshot.py'``. ``env`` of the benchmark, of a dataset
    and of a method are the variables that the configs read; their values may name ``{shots}``, ``{seed}``
    and ``{draw}``. ``GA2MM_METHOD`` chooses a method where a config has several. A method that only tests
    what another has learnt, with other ``options``, names it in ``trained_as``. ``hard_prompt``, of the
    benchmark or of a dataset, names the config (and ``env``) of the run that a hard prompt is learnt in.
    ``baseline`` names the method, or the methods, that all are compared with; ``baseline`` of a method the
    one that it alone is compared with. ``worlds`` are arguments of the miniature world's generator. A method
    or dataset of a base config is removed by None.

    Args:
        path: The config file.
        work_dir: The benchmark's folder.

    Raises:
        ValueError: The config is wrong, methods differ in their budget, hyperparameters are varied on test
            data, or draws are not of the benchmark's part.
    """
    path = Path(path)
    config = read_config(path, runs=False).to_dict()
    config.pop('env_variables', None)
    # Names with a leading underscore are the config's own.
    config = {key: value for key, value in config.items() if not key.startswith('_')}
    _check_keys(config, KEYS, str(path))
    _check_kinds(config, str(path))
    for key in ('methods', 'datasets'):  # None removes what a base has
        config[key] = {name: each for name, each in (config.get(key) or {}).items() if each is not None}
    for key in ('methods', 'datasets', 'seeds'):
        if not config.get(key):
            raise ValueError(f'{path}: {key} is missing or empty')
    part = config.get('part', 'test')
    if part not in PARTS:
        raise ValueError(f'{path}: part={part!r}; use one of {PARTS}')
    _check_draws(config.get('draws'), part, path)
    checkpoint = config.get('checkpoint', 'last')
    if checkpoint not in CHECKPOINTS:
        raise ValueError(f'{path}: checkpoint={checkpoint!r}; use one of {CHECKPOINTS}')
    if part == 'validation' and checkpoint == 'best' and not config.get('draws'):
        raise ValueError(
            f"{path}: checkpoint='best' of part='validation' is measured on the videos that chose it; "
            "use 'last'"
        )
    for name, dataset in config['datasets'].items():
        if part == 'validation' and dataset.get('test_sets'):
            raise ValueError(f"{path}, datasets[{name!r}]: part='validation' takes no test_sets")
    baselines = config.get('baseline') or []
    baselines = [baselines] if isinstance(baselines, str) else list(baselines)
    for name, dataset in config['datasets'].items():
        _check_keys(dataset, {'env', 'test_sets', 'hard_prompt'}, f'{path}, datasets[{name!r}]')
    for name, method in config['methods'].items():
        _check_keys(method, METHOD_KEYS, f'{path}, methods[{name!r}]')
        if 'config' not in method:
            raise ValueError(f'{path}, methods[{name!r}]: config is missing')
    own_baselines = {
        name: method['baseline'] for name, method in config['methods'].items() if 'baseline' in method
    }
    for name in (*baselines, *own_baselines.values()):
        if name not in config['methods']:
            raise ValueError(
                f'{path}: baseline={name!r} is no method; choose one of {list(config["methods"])}'
            )
    cells = []
    for dataset, draw, shots, seed, method in itertools.product(
        config['datasets'],
        config.get('draws') or [None],
        config.get('shots') or [None],
        config['seeds'],
        config['methods'],
    ):
        cell = _make_cell(config, path, dataset, method, dict(draw=draw, shots=shots, seed=seed), work_dir)
        twin = next((other for other in cells if other.folder == cell.folder), None)
        if twin is None:
            cells.append(cell)
        elif str(twin) != str(cell):  # else it learns nothing, and differs only in a seed that it has not
            raise ValueError(f'{path}: {twin} and {cell} differ in punctuation only: rename one')
    _check_hyperparameters(cells, path)
    return Benchmark(
        title=config.get('title', path.stem),
        note=config.get('note', ''),
        part=part,
        baselines=baselines,
        own_baselines=own_baselines,
        worlds=config.get('worlds', []),
        cells=cells,
    )


def with_hashes(cells: list[Cell], chosen: list[Cell], processes: int = 1) -> list[Cell]:
    """The cells with the hashes of their configs.

    The lists of those that are to run must exist by now; of others without lists the hash stays empty.

    Args:
        cells: All cells of a benchmark.
        chosen: Those that are to run.
        processes: Processes of each run, which share its steps.

    Raises:
        ValueError: Methods differ in their budget.
        FileNotFoundError: A list or label map does not exist.
    """
    budgets: dict[tuple, tuple[str, dict]] = {}
    needed = {cell.folder for cell in chosen}
    found = []
    for cell in cells:
        try:
            found.append(hashed(cell, processes))
        except FileNotFoundError:
            if cell.folder in needed:
                raise
            found.append(cell)
        if cell.trains:
            _check_budget(cell, budgets)
    return found


def hashed(cell: Cell, processes: int) -> Cell:
    """The cell with the hash of all that decides its outcome, except for the code itself.

    That is what its run reads of the config, the lists and label maps, the generator's settings of the
    miniature world, files of CLIP weights, the number of processes, and the run of its hard prompt.

    Raises:
        FileNotFoundError: A list or label map does not exist.
    """
    source = hashed(cell.hard_prompt, processes) if cell.hard_prompt else None
    trained_as = hashed(cell.trained_as, processes) if cell.trained_as else None
    cfg = cell.read_config()
    read = READ_BY_TESTS + (READ_BY_TRAINING if cell.trains else ())
    content = {
        key: cfg[key].to_dict() if isinstance(cfg[key], dict) else cfg[key] for key in read if key in cfg
    }
    if source is not None:
        content['model']['cls_head']['coupling']['hard_prompt'] = source.config_hash
    digest = hashlib.sha256()
    trained = [trained_as.config_hash] if trained_as else []
    for part in (content, cell.seed, cell.checkpoint, processes, *trained):
        digest.update(json.dumps(part, sort_keys=True, default=repr).encode())
    for path in sorted(set(_lists(content))):
        digest.update(path.encode() + Path(path).read_bytes())
        manifest = Path(path).with_name(MANIFEST)
        if manifest.is_file():  # of the miniature world, whose lists do not tell how the videos look
            digest.update(json.dumps(json.loads(manifest.read_text())['parameters']).encode())
    for path in _weights(content):
        digest.update(_digest(path, path.stat().st_mtime_ns))
    return replace(cell, hard_prompt=source, trained_as=trained_as, config_hash=digest.hexdigest()[:16])


def sources(cells: list[Cell], finished: Callable[[Cell], bool] = lambda cell: False) -> list[Cell]:
    """The runs that others need, each once, those that are needed first in front; none of ``cells``.

    Args:
        cells: The cells that need them.
        finished: Tells which are finished already; they and what only they need are left out.
    """
    found: dict[Path, Cell] = {}
    there = {cell.folder for cell in cells}

    def add(cell: Cell) -> None:
        if not finished(cell):
            for needed in cell.needs:
                add(needed)
            if cell.folder not in there:
                found.setdefault(cell.folder, cell)

    for cell in cells:
        for needed in cell.needs:
            add(needed)
    return list(found.values())


def _make_cell(
    config: dict[str, Any], path: Path, dataset: str, method: str, numbers: dict[str, Any], work_dir: Path
) -> Cell:
    place = f'{path}, methods[{method!r}]'
    on, by = config['datasets'][dataset], config['methods'][method]
    learns = by.get('learns', True)
    trained_as = None
    if 'trained_as' in by:
        other = config['methods'].get(by['trained_as'])
        if not learns or other is None or 'trained_as' in other or not other.get('learns', True):
            raise ValueError(
                f'{place}: trained_as={by["trained_as"]!r} names no method that trains; choose one of them'
            )
        trained_as = _make_cell(config, path, dataset, by['trained_as'], numbers, work_dir)
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
        series=by.get('series', method),
        value=by.get('value'),
        trained_as=trained_as,
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
    return bool(cell.read_config().model.get('cls_head', {}).get('coupling'))


def _lists(content: Any) -> Iterator[str]:
    """Annotation files and label maps in a config."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in ('ann_file', 'label_map') and isinstance(value, str):
                yield value
            else:
                yield from _lists(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _lists(value)


@cache
def _digest(path: Path, changed: int) -> bytes:
    """Hash of a file; read again only if it has changed."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').digest()


def _weights(content: dict[str, Any]) -> Iterator[Path]:
    """Files of weights that a config names."""
    model = content['model']
    if model['backbone'].get('pretrained') == 'miniature':
        yield MINIATURE / 'miniature.safetensors'
    coupling = model.get('cls_head', {}).get('coupling') or {}
    for name in (model['backbone'].get('pretrained'), coupling.get('hard_prompt')):
        if isinstance(name, str) and Path(name).is_file():
            yield Path(name)


def _check_budget(cell: Cell, budgets: dict[tuple, tuple[str, dict]]) -> None:
    """All methods see as many labelled clips, of the same list, in as many steps."""
    cfg = cell.read_config()
    dataset = cfg.train_dataloader.dataset
    labelled = dict(dataset.dataset if str(dataset.get('type')).endswith('AnchorDataset') else dataset)
    labelled.pop('pipeline', None)
    budget = {
        'train_cfg': {key: value for key, value in cfg.train_cfg.items() if not key.startswith('val_')},
        'train_dataloader.batch_size': cfg.train_dataloader.batch_size,
        'optim_wrapper.accumulative_counts': cfg.optim_wrapper.get('accumulative_counts', 1),
        'train_dataloader.dataset': labelled,
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
    """A sweep, that is one method with several sets of options or variables, is for validation only.

    A method is a config, the entry that ``GA2MM_METHOD`` chooses in it, and the classes that options put in.
    """
    by_config: dict[tuple, dict[str, str]] = {}
    for cell in cells:
        if cell.part == 'test' and cell.learns:
            trained_as = cell.trained_as and cell.trained_as.method
            method = (cell.config, cell.env.get(METHOD_VARIABLE), tuple(_types(cell.options)), trained_as)
            place = (cell.dataset, cell.shots, cell.draw, cell.seed, *method)
            options = json.dumps([cell.options, cell.env], sort_keys=True, default=repr)
            methods = by_config.setdefault(place, {})
            methods[options] = cell.method
            if len(methods) > 1:
                first, second = list(methods.values())[:2]
                raise ValueError(
                    f'{path}: {first!r} and {second!r} are one config with different options: '
                    "hyperparameters are chosen on validation data (part='validation'), never on the test"
                )


def _types(options: Any) -> Iterator[str]:
    """Names of the classes in options."""
    if isinstance(options, dict):
        if isinstance(options.get('type'), str):
            yield options['type']
        options = list(options.values())
    if isinstance(options, list | tuple):
        for each in options:
            yield from _types(each)


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


def _check_kinds(config: dict[str, Any], place: str) -> None:
    """Check that each key holds a value of its kind, in methods and datasets too."""
    for key, value in config.items():
        here = f'{place}: {key}={value!r}'
        if value is None:
            if key in ('config', 'env', 'options'):
                raise ValueError(f'{here}; leave it out')
        elif key in ('methods', 'datasets'):
            if not isinstance(value, dict) or not all(isinstance(one, dict | None) for one in value.values()):
                raise ValueError(f'{here}; give a dict of dicts')
            for name, one in value.items():
                _check_kinds(one or {}, f'{place}, {key}[{name!r}]')
        elif key in ('env', 'options', 'hard_prompt') and not isinstance(value, dict):
            raise ValueError(f'{here}; give a dict')
        elif key in ('config', 'title', 'note', 'series', 'trained_as') and not isinstance(value, str):
            raise ValueError(f'{here}; give a string')
        elif key in ('seeds', 'draws', 'shots') and not (
            isinstance(value, list | tuple) and all(type(one) is int for one in value)
        ):
            raise ValueError(f'{here}; give a list of whole numbers')
        elif key in ('worlds', 'test_sets') and not isinstance(value, list | tuple):
            raise ValueError(f'{here}; give a list')
        elif key == 'baseline' and not isinstance(value, str | list | tuple):
            raise ValueError(f'{here}; give a name or a list of names')
        if key == 'hard_prompt' and value is not None:
            _check_kinds(value, f'{place}, {key}')


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


@cache
def _read_file(path: str, changed: int, env: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """A config with these variables; read again only if the file has changed. Not to be changed."""
    with _environment(dict(env)):
        return read_config(path).to_dict()


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
