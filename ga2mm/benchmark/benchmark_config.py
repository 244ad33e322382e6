"""Read and check the config of a benchmark."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ga2mm.apis.config import read_config

PARTS = {'test': range(10), 'validation': range(100, 110)}
"""Parts of a benchmark and their class draws: hyperparameters are chosen on validation draws, never on test
draws."""

CHECKPOINTS = ('last', 'best')
KEYS = {
    'title', 'note', 'part', 'worlds', 'env', 'datasets', 'methods', 'variants', 'hard_prompt', 'baseline',
    'chief', 'shots', 'draws', 'seeds', 'checkpoint',
}  # fmt: skip
WHOLE_KEYS = {'tables', 'results', 'sizes'}
"""Keys of a config with several tables that are not defaults of the tables."""
DATASET_KEYS = {'env', 'test_sets', 'hard_prompt'}
METHOD_KEYS = {'config', 'options', 'env', 'learns', 'trained_as', 'baseline', 'series', 'value'}
VARIANT_KEYS = {'env', 'options'}
TEXT_KEYS = {'config', 'title', 'note', 'series', 'trained_as', 'results', 'chief'}
HARD_PROMPT_KEYS = {'config', 'env', 'hard_prompt'}


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """Content of a benchmark's config file, which :func:`read_benchmark_config` describes.

    Args:
        path: The file; paths in it are relative to its folder.
        table: Name of the table, if the file has several.
        results: Page whose figures are filled in from the rows.
        sizes: Numbers of classes and videos of label maps and lists that need not exist for a plan.
        title, note: Name of the benchmark, and a note below its table.
        part: ``'test'`` or ``'validation'``.
        checkpoint: ``'last'``, or ``'best'`` on the validation set.
        baselines: Methods that all other methods are compared with.
        chief: The method that the report tells of; empty for the last one that is trained.
        own_baselines: By method, the baseline that this method alone is compared with, in a separate table.
        draws, shots, seeds: Class draws, clips per class and random seeds; ``[None]`` where the benchmark
            does not vary them.
        **others: The other keys of the file.
    """

    path: Path
    table: str = ''
    results: Path | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    title: str
    note: str = ''
    part: str = 'test'
    checkpoint: str = 'last'
    worlds: list[dict[str, Any]] = field(default_factory=list)
    env: dict[str, Any] = field(default_factory=dict)
    datasets: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    hard_prompt: dict[str, Any] | None = None
    baselines: list[str] = field(default_factory=list)
    chief: str = ''
    own_baselines: dict[str, str] = field(default_factory=dict)
    draws: list[int | None] = field(default_factory=lambda: [None])
    shots: list[int | None] = field(default_factory=lambda: [None])
    seeds: list[int]


def read_benchmark_configs(path: str | Path) -> list[BenchmarkConfig]:
    """Read the config of a benchmark, one for each of its tables.

    It has ``methods`` and ``datasets`` (dicts of dicts by the names in the table) and lists of ``seeds``,
    ``shots`` and ``draws``. A method has a ``config``, whose path is relative to the benchmark's and may name
    variables: ``'../ga2/{GA2MM_DATASET}_fewshot.py'``. ``env`` of the benchmark, of a dataset and of a method
    sets the variables of the configs; the values may contain ``{shots}``, ``{seed}`` and ``{draw}``.
    ``GA2MM_METHOD`` selects a method of a config that has several. A method that tests the checkpoint of
    another method with other ``options`` names that method in ``trained_as``. ``variants`` maps names to
    ``env`` and ``options`` of a further test of every method: variant ``calibrated`` tests the checkpoint of
    ``deep prompts`` again as ``deep prompts, calibrated`` and compares the two, or compares the variants of a
    method and its own ``baseline``.
    ``hard_prompt``, of the benchmark or of a dataset, names the config (and ``env``) of the run that learns
    the hard prompt. ``baseline`` names the method, or the methods, that all are compared with; ``baseline``
    of a method names one that only this method is compared with. ``chief`` names the method that the report
    tells of, by default the last one that is trained. ``worlds`` are arguments of the video
    generator. The value None removes a method or dataset of a base config.

    ``tables`` holds several benchmarks by name, in dicts of these keys; the other keys of the file are their
    defaults. Hard prompts are learnt once for all tables. ``results`` names a page whose figures are filled
    in, and ``sizes`` says how many rows lists and label maps have that do not exist yet.

    Raises:
        OSError: The file does not exist or cannot be opened.
        ValueError: The config is wrong, or its draws do not belong to the benchmark's part.
    """
    path = Path(path)
    config = read_config(path, runs=False).to_dict()
    config.pop('env_variables', None)
    # Names with a leading underscore are private to the config.
    config = {key: value for key, value in config.items() if not key.startswith('_')}
    if config.get('tables') is None:
        return [_make_config(path, '', {key: value for key, value in config.items() if key != 'tables'})]
    check_keys(config, KEYS | WHOLE_KEYS, str(path))
    _check_kinds(config, str(path))
    whole = {key: config.pop(key) for key in WHOLE_KEYS if key in config}
    given = {'sizes': whole.get('sizes') or {}}
    if whole.get('results'):
        given['results'] = (path.parent / whole['results']).resolve()
    return [
        replace(_make_config(path, name, {**config, **table}), **given)
        for name, table in whole['tables'].items()
    ]


def _make_config(path: Path, table: str, config: dict[str, Any]) -> BenchmarkConfig:
    """Check the keys of a benchmark, or of one of its tables, and make its config."""
    here = f'{path}, tables[{table!r}]' if table else str(path)
    check_keys(config, KEYS, here)
    _check_kinds(config, here)
    for key in ('methods', 'datasets', 'variants'):  # None removes an entry of a base config
        config[key] = {name: each for name, each in (config.get(key) or {}).items() if each is not None}
    for key in ('methods', 'datasets', 'seeds'):
        if not config.get(key):
            raise ValueError(f'{here}: {key} is missing or empty')
    _add_variants(config['methods'], config.pop('variants'), here)
    baselines = config.pop('baseline', None) or []
    given = {key: value for key, value in config.items() if value or key in ('part', 'checkpoint')}
    read = BenchmarkConfig(
        **{'path': path, 'table': table, 'title': table or path.stem, **given},
        baselines=[baselines] if isinstance(baselines, str) else list(baselines),
        own_baselines={
            name: method['baseline'] for name, method in config['methods'].items() if 'baseline' in method
        },
    )
    _check_part(read)
    for name, dataset in read.datasets.items():
        place = f'{here}, datasets[{name!r}]'
        if read.part == 'validation' and dataset.get('test_sets'):
            raise ValueError(f"{place}: part='validation' takes no test_sets")
        check_keys(dataset, DATASET_KEYS, place)
    _check_methods(read)
    return read


def _add_variants(
    methods: dict[str, dict[str, Any]], variants: dict[str, dict[str, Any]], place: str
) -> None:
    """Add the variants of each method, tests of what the method has learnt.

    A variant is compared with the same variant of the method's own baseline, or else with the method.
    """
    for variant, more in variants.items():
        check_keys(more, VARIANT_KEYS, f'{place}, variants[{variant!r}]')
    plain = dict(methods)
    for name, method in plain.items():
        for variant, more in variants.items():
            added = f'{name}, {variant}'
            if added in methods:
                raise ValueError(f'{place}: {added!r} is a method and a variant of {name!r}; rename one')
            methods[added] = {
                **{key: value for key, value in method.items() if key not in ('series', 'value')},
                **{key: {**method.get(key, {}), **more.get(key, {})} for key in VARIANT_KEYS},
                **({'trained_as': method.get('trained_as', name)} if method.get('learns', True) else {}),
                'baseline': f'{method["baseline"]}, {variant}' if 'baseline' in method else name,
            }


def check_keys(config: dict[str, Any], known: set[str], place: str) -> None:
    """Raise a ValueError for a key of a benchmark's config that is not known."""
    for key in config:
        if key not in known:
            raise ValueError(f'{place}: unknown key {key!r}; the known keys are {", ".join(sorted(known))}')


def _check_part(config: BenchmarkConfig) -> None:
    """Check the part, its draws and the checkpoint."""
    path, part, checkpoint = config.path, config.part, config.checkpoint
    if part not in PARTS:
        raise ValueError(f'{path}: part={part!r}; use one of {tuple(PARTS)}')
    allowed = PARTS[part]
    for draw in config.draws:
        if draw is not None and draw not in allowed:
            raise ValueError(
                f'{path}: draw {draw} is not a {part} draw; part={part!r} takes {allowed.start} to '
                f'{allowed.stop - 1}'
            )
    if checkpoint not in CHECKPOINTS:
        raise ValueError(f'{path}: checkpoint={checkpoint!r}; use one of {CHECKPOINTS}')
    if part == 'validation' and checkpoint == 'best' and config.draws == [None]:
        raise ValueError(
            f"{path}: checkpoint='best' of part='validation' is measured on the videos that chose it; "
            "use 'last'"
        )


def _check_methods(config: BenchmarkConfig) -> None:
    """Check the methods, and that the methods named in ``baseline`` and ``trained_as`` exist."""
    path, methods = config.path, config.methods
    for name, method in methods.items():
        check_keys(method, METHOD_KEYS, f'{path}, methods[{name!r}]')
        if 'config' not in method:
            raise ValueError(f'{path}, methods[{name!r}]: config is missing')
    for name in (*config.baselines, *config.own_baselines.values()):
        if name not in methods:
            raise ValueError(f'{path}: baseline={name!r} is not a method; choose one of {list(methods)}')
    if config.chief and config.chief not in methods:
        raise ValueError(f'{path}: chief={config.chief!r} is not a method; choose one of {list(methods)}')
    for name, method in methods.items():
        if 'trained_as' in method:
            other = methods.get(method['trained_as'])
            trains = other is not None and 'trained_as' not in other and other.get('learns', True)
            if not trains or not method.get('learns', True):
                raise ValueError(
                    f'{path}, methods[{name!r}]: trained_as={method["trained_as"]!r} is not a method that '
                    'is trained; name one that is'
                )


def _check_kinds(config: dict[str, Any], place: str) -> None:
    """Check the type of each value, in methods and datasets too."""
    for key, value in config.items():
        here = f'{place}: {key}={value!r}'
        if value is None:
            if key in ('config', 'env', 'options'):
                raise ValueError(f'{here}; leave it out')
        elif key in ('methods', 'datasets', 'tables', 'variants'):
            if not isinstance(value, dict) or not all(isinstance(one, dict | None) for one in value.values()):
                raise ValueError(f'{here}; give a dict of dicts')
            for name, one in value.items():
                _check_kinds(one or {}, f'{place}, {key}[{name!r}]')
        elif key in ('env', 'options', 'hard_prompt', 'sizes') and not isinstance(value, dict):
            raise ValueError(f'{here}; give a dict')
        elif key in TEXT_KEYS and not isinstance(value, str):
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
