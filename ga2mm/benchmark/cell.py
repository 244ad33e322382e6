"""A cell of a benchmark: one run, with all inputs that determine its result."""

import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ga2mm.apis.config import merge_options, read_config
from ga2mm.apis.run import read_test_sets
from ga2mm.benchmark.names import run_folder, run_name
from ga2mm.checks.config_check import check_config


@dataclass(frozen=True)
class Cell:
    """One run of a benchmark.

    Args:
        method, dataset: Names in the table.
        table: Name of the table; empty if the benchmark has one table, and for the run of a hard prompt.
        shots, draw, seed: Clips per class, draw of base and novel classes, random seed; None where the
            benchmark does not vary them. The seed is also None if nothing is learnt.
        config: The run's config file.
        env: Variables of the config.
        options: Values that replace the config's, like ``--cfg-options``.
        test_sets: Config files whose test sets replace the config's.
        part: ``'test'``, or ``'validation'`` to test on the validation set of the base classes instead.
        learns: False for a method without learnable parameters.
        checkpoint: ``'last'``, or ``'best'`` on the validation set.
        series, value: Name of a sweep and the value of the hyperparameter, for the trade-off plot; by
            default the method and no value.
        hard_prompt: The run that learns the hard prompt; None if the config needs no hard prompt.
        trained_as: The run whose checkpoint is tested; None for the run's own.
        config_hash: Hash of the inputs, see :func:`~ga2mm.benchmark.config_hash.hashed`; empty until it is
            computed.
    """

    method: str
    dataset: str
    shots: int | None
    draw: int | None
    seed: int | None
    config: str
    env: dict[str, str]
    table: str = ''
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
        """Whether the run trains."""
        return self.learns and self.trained_as is None

    @property
    def needs(self) -> list['Cell']:
        """The runs that must finish first."""
        return [cell for cell in (self.hard_prompt, self.trained_as) if cell is not None]

    @property
    def folder(self) -> Path:
        """Folder of the run's files under the benchmark's folder, with a readable name."""
        return run_folder(
            self.table, self.method, self.dataset, draw=self.draw, shots=self.shots, seed=self.seed
        )

    def __str__(self) -> str:
        return run_name(
            self.table, self.method, self.dataset, draw=self.draw, shots=self.shots, seed=self.seed
        )

    def read_config(self) -> Config:
        """Read the config of the run, without folder and seed.

        Raises:
            ValueError: The config is wrong, or lacks the validation set that the benchmark needs.
        """
        content = _read_file(self.config, Path(self.config).stat().st_mtime_ns, tuple(self.env.items()))
        # Formatting the config for logs and checkpoints would take longer than a small run.
        cfg = Config(copy.deepcopy(content), filename=str(self.config), format_python_code=False)
        merge_options(cfg, self.options)
        check_config(cfg)
        if self.test_sets:
            cfg.test_dataloader = copy.deepcopy(_read_sets(self.test_sets, tuple(self.env.items())))
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


@cache
def _read_file(path: str, changed: int, env: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Read a config with these variables, cached until the file changes. Do not modify the result."""
    return read_config(path, variables=dict(env)).to_dict()


@cache
def _read_sets(paths: tuple[str, ...], env: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Read test sets with these variables, cached. Do not modify the result."""
    return read_test_sets(paths, dict(env))
