"""Plan the cells of a benchmark, one run each, from its config."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ga2mm.benchmark.benchmark_config import (
    HARD_PROMPT_KEYS,
    BenchmarkConfig,
    check_keys,
    read_benchmark_configs,
)
from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.names import fill, find_config, hard_prompt_name

HARD_PROMPT_VARIABLE = 'GA2MM_HARD_PROMPT'
DRAW_VARIABLE = 'GA2MM_DRAW'
METHOD_VARIABLE = 'GA2MM_METHOD'
"""Variable that selects a method of a config with several, such as ``configs/zoo/miniature.py``."""


@dataclass(frozen=True, kw_only=True)
class Benchmark(BenchmarkConfig):
    """A benchmark and its cells, the runs."""

    cells: list[Cell]


def read_benchmarks(path: str | Path, work_dir: Path) -> list[Benchmark]:
    """Read a benchmark's config file and plan the runs of each of its tables in the folder ``work_dir``.

    Raises:
        OSError: A config does not exist or cannot be opened.
        ValueError: A config is wrong, two methods share a folder, hyperparameters are varied on test data,
            or draws do not belong to the benchmark's part.
    """
    return [plan_benchmark(config, work_dir) for config in read_benchmark_configs(path)]


def plan_benchmark(config: BenchmarkConfig, work_dir: Path) -> Benchmark:
    """Plan the runs of one table in the folder ``work_dir``.

    Raises:
        OSError, ValueError: As :func:`read_benchmarks`.
    """
    cells = plan_cells(config, work_dir)
    _check_hyperparameters(cells, config.path)
    return Benchmark(**vars(config), cells=cells)


def all_cells(benchmarks: list[Benchmark]) -> list[Cell]:
    """Give the cells of all tables of a benchmark."""
    return [cell for each in benchmarks for cell in each.cells]


def plan_cells(config: BenchmarkConfig, work_dir: Path) -> list[Cell]:
    """Plan a run for each method, dataset, draw, number of shots and seed, without duplicates.

    Raises:
        FileNotFoundError: A config does not exist.
        ValueError: A config is wrong, or the names of two runs differ in punctuation only.
    """
    cells: dict[Path, Cell] = {}
    for dataset, draw, shots, seed, method in itertools.product(
        config.datasets, config.draws, config.shots, config.seeds, config.methods
    ):
        numbers = dict(draw=draw, shots=shots, seed=seed)
        cell = _plan_cell(config, dataset, method, numbers, work_dir)
        twin = cells.setdefault(cell.folder, cell)
        if str(twin) != str(cell):  # equal names: a method that learns nothing has one run for all seeds
            raise ValueError(f'{config.path}: {twin} and {cell} differ in punctuation only: rename one')
    return list(cells.values())


def sources(cells: list[Cell], finished: Callable[[Cell], bool] = lambda cell: False) -> list[Cell]:
    """List the runs outside ``cells`` that these depend on, each once, dependencies first.

    Args:
        cells: The dependent cells.
        finished: Tells whether a cell is finished; finished cells and their dependencies are left out.
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


def _plan_cell(
    config: BenchmarkConfig, dataset: str, method: str, numbers: dict[str, int | None], work_dir: Path
) -> Cell:
    place, folder = f'{config.path}, methods[{method!r}]', config.path.parent
    on, by = config.datasets[dataset], config.methods[method]
    learns = by.get('learns', True)
    trained_as = None
    if 'trained_as' in by:
        trained_as = _plan_cell(config, dataset, by['trained_as'], numbers, work_dir)
    env = {**config.env, **on.get('env', {}), **by.get('env', {})}
    env = {key: fill(str(value), numbers, place) for key, value in env.items()}
    if numbers['draw'] is not None:
        env[DRAW_VARIABLE] = str(numbers['draw'])
    cell = Cell(
        table=config.table,
        method=method,
        dataset=dataset,
        # Seed and training clips have no effect if nothing is learnt.
        shots=numbers['shots'] if learns else None,
        draw=numbers['draw'],
        seed=numbers['seed'] if learns else None,
        config=find_config(by['config'], {**env, **numbers}, folder, place),
        env=env,
        options=by.get('options', {}),
        test_sets=tuple(find_config(each, env, folder, place) for each in on.get('test_sets', ())),
        part=config.part,
        learns=learns,
        checkpoint=config.checkpoint,
        series=by.get('series', method),
        value=by.get('value'),
        trained_as=trained_as,
    )
    source = on.get('hard_prompt', config.hard_prompt)
    return _with_hard_prompt(cell, source, numbers['seed'], config.path, work_dir)


def _with_hard_prompt(
    cell: Cell, source: dict[str, Any] | None, seed: int, path: Path, work_dir: Path
) -> Cell:
    """Add the run that learns the hard prompt to a cell whose config reads a hard prompt."""
    if source is None or not cell.learns:
        return cell
    model = replace(cell, test_sets=()).read_config().model
    if not model.get('cls_head', {}).get('coupling'):
        return cell
    place = f'{path}, hard_prompt'
    check_keys(source, HARD_PROMPT_KEYS, place)
    values = {**cell.env, 'seed': seed}
    env = {key: fill(str(value), values, place) for key, value in source.get('env', {}).items()}
    config = find_config(source['config'], {**env, 'seed': seed}, path.parent, place)
    name = hard_prompt_name(config, env)
    learnt_in = Cell(name, 'hard prompt', shots=None, draw=None, seed=seed, config=config, env=env)
    learnt_in = _with_hard_prompt(learnt_in, source.get('hard_prompt'), seed, path, work_dir)
    written = work_dir / learnt_in.folder / 'hard_prompt.safetensors'
    return replace(cell, env={**cell.env, HARD_PROMPT_VARIABLE: str(written)}, hard_prompt=learnt_in)


def _check_hyperparameters(cells: list[Cell], path: Path) -> None:
    """Check that sweeps (one method with several sets of options or variables) use validation data.

    A method is identified by its config, ``GA2MM_METHOD`` and the classes in its options. Further tests of
    one training are different methods if they set different variables or options; 0 counts as not set.
    """
    by_config: dict[tuple, dict[str, str]] = {}
    for cell in cells:
        if cell.part == 'test' and cell.learns:
            values = {**cell.env, **cell.options}
            given = sorted(key for key, value in values.items() if str(value) != '0')
            trained_as = cell.trained_as and (cell.trained_as.method, *given)
            method = (cell.config, cell.env.get(METHOD_VARIABLE), tuple(_types(cell.options)), trained_as)
            place = (cell.dataset, cell.shots, cell.draw, cell.seed, *method)
            options = json.dumps([cell.options, cell.env], sort_keys=True, default=repr)
            methods = by_config.setdefault(place, {})
            methods[options] = cell.method
            if len(methods) > 1:
                first, second = list(methods.values())[:2]
                raise ValueError(
                    f'{path}: {first!r} and {second!r} are the same config with different options: '
                    "hyperparameters are chosen on validation data (part='validation'), never on the test"
                )


def _types(options: Any) -> Iterator[str]:
    """Yield the names of the classes in options."""
    if isinstance(options, dict):
        if isinstance(options.get('type'), str):
            yield options['type']
        options = list(options.values())
    if isinstance(options, list | tuple):
        for each in options:
            yield from _types(each)
