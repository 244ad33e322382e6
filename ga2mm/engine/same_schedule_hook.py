"""A resumed run goes on with the schedule that it began with, or says what differs."""

import logging
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ga2mm.registry import HOOKS

KEY = 'schedule'
"""Where a checkpoint keeps what :func:`schedule_of` gives."""

COMPARED = ('optim_wrapper', 'param_scheduler', 'auto_scale_lr')
"""Keys of the config all of whose values must be the same."""


def schedule_of(runner: Runner) -> dict[str, str]:
    """What the steps of a training run depend on, value by name, as text that is compared and never run.

    The same number of labelled clips a step on another number of processes is the same schedule.
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
    """Keeps in every checkpoint what the schedule depends on, and refuses to resume with another.

    MMEngine puts the old state of optimizer and schedulers over the config without a word, so that a changed
    number of epochs, learning rate, batch size, number of processes or accumulation would do nothing, or only
    half of what was asked for. Design choice: refused, not mended, since no rate in the middle of another
    schedule is the right one.

    Raises:
        ValueError: The run to resume had another schedule.
    """

    priority = 'HIGHEST'  # its line says more than any that follows from a difference

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the schedule."""
        checkpoint[KEY] = schedule_of(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare it with that of the run that is resumed."""
        if not runner._resume:
            return
        path, own, stored = runner._load_from, schedule_of(runner), checkpoint.get(KEY)
        if stored is None:
            print_log(
                f'{path} does not say with which schedule it was trained: it goes on as saved, whatever the '
                'config says of epochs, learning rate and batch size',
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
                f'with the values that it had, or start a new run from its weights, with load_from={path} '
                'and without --resume'
            )
