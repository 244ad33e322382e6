"""A check that a resumed run has the schedule that it was started with."""

import logging
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ga2mm.registry import HOOKS

KEY = 'schedule'
"""Key of the output of :func:`schedule_of` in a checkpoint."""

COMPARED = ('optim_wrapper', 'param_scheduler', 'auto_scale_lr')
"""Config keys whose values must all be equal."""


def schedule_of(runner: Runner) -> dict[str, str]:
    """Give the settings that the training steps depend on, by name, as text for comparison only.

    Runs on different numbers of processes have the same schedule if their numbers of labelled clips per step
    are equal.
    """
    loop, cfg = runner.train_loop, runner.cfg.to_dict()
    found = {'train_cfg.max_epochs': repr(loop.max_epochs), 'number of steps': repr(loop.max_iters)}
    batch_size = (cfg.get('train_dataloader') or {}).get('batch_size')
    if isinstance(batch_size, int):
        clips = batch_size * get_world_size()
        found['clips a step (train_dataloader.batch_size x processes)'] = repr(clips)
    for key in COMPARED:
        found.update(_flat(key, cfg.get(key)))
    return found


def _flat(key: str, value: Any) -> dict[str, str]:
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {} if value is None else {key: repr(value)}
    return {
        name: text for part, entry in value.items() for name, text in _flat(f'{key}.{part}', entry).items()
    }


@HOOKS.register_module()
class SameScheduleHook(Hook):
    """Saves the schedule in every checkpoint, and stops a run that resumes with another schedule.

    When MMEngine resumes, it silently overwrites the config with the saved state of optimizer and schedulers.
    A changed number of epochs, learning rate, batch size, number of processes or accumulation would have no
    effect, or only part of it. Design choice: the hook raises an error and adjusts nothing, since no learning
    rate is right in the middle of another schedule.

    Raises:
        ValueError: The run to resume had another schedule.
    """

    priority = 'HIGHEST'  # its message explains the cause of errors in later hooks

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Save the schedule in the checkpoint."""
        checkpoint[KEY] = schedule_of(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the schedule with that of the run to resume."""
        if not runner._resume:
            return
        path, own, stored = runner._load_from, schedule_of(runner), checkpoint.get(KEY)
        if stored is None:
            print_log(
                f'{path} has no record of its schedule: training continues with the saved one, whatever the '
                'config sets for epochs, learning rate and batch size',
                'current',
                logging.WARNING,
            )
            return
        if not isinstance(stored, dict):
            raise ValueError(f'{path} is damaged: its {KEY} is a {type(stored).__name__}, not a dict')
        names = [name for name in dict.fromkeys([*own, *stored]) if own.get(name) != stored.get(name)]
        if names:
            differences = [
                f'{name} {stored.get(name, "none")}, now {own.get(name, "none")}' for name in names
            ]
            more = f'; and {len(names) - 4} more' if len(names) > 4 else ''
            raise ValueError(
                f'{path} was trained with another schedule ({"; ".join(differences[:4])}{more}): resume it '
                f'with its own values, or start a new run from its weights, with load_from={path} '
                'and without --resume'
            )
