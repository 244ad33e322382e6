"""Progress bar with the time left."""

import atexit
import sys

from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ga2mm.registry import HOOKS


def progress_bar() -> Progress:
    """Make a progress bar on the terminal; it shows nothing if stderr is not a terminal.

    It writes to the process's own stderr, so it is visible while ``sys.stderr`` is redirected.
    """
    console = Console(file=sys.__stderr__)
    columns = [
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn('{task.fields[note]}'),
    ]
    return Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows a progress bar with the time left in training and testing, in the main process."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        self._start('training', runner.max_iters)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        # From the message hub, since reading the loss from a GPU would wait for it in each step.
        losses = runner.message_hub.log_scalars.get('train/loss')
        self._advance('' if losses is None else f'loss {losses.current():.3f}')

    def after_train(self, runner: Runner) -> None:
        self._bar.stop()

    def before_test_epoch(self, runner: Runner) -> None:
        self._start('testing', len(runner.test_loop.dataloader))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        self._advance('')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._bar.stop()

    def _start(self, what: str, steps: int) -> None:
        self._bar = progress_bar()
        self._task = self._bar.add_task(what, total=steps, note='')
        self._bar.start()
        atexit.register(self._bar.stop)  # an error ends the bar, too, and shows the cursor again

    def _advance(self, note: str) -> None:
        self._bar.update(self._task, advance=1, note=note)
