"""Learning curves of a run."""

import json
import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ga2mm.visualization.style import COLOURS, MARKERS, bare

Scalars = Mapping[str, Mapping[int, float]]
"""Log of a run: by name, the values by training step."""

VALIDATION_NAMES = {'acc/top1': 'top-1', 'acc/top5': 'top-5', 'acc/mean1': 'mean over classes'}
LINE_STYLES = ('-', '--', ':')  # curves may coincide


def read_scalars(work_dir: str | Path) -> dict[str, dict[int, float]]:
    """Read MMEngine's log of a run in ``TIME/vis_data/scalars.json``.

    A resumed run has several such folders: a later log replaces the earlier ones from its first step on.
    Validation gets the preceding training step in the file, because MMEngine counts validation in epochs.

    Returns:
        By name, the values by training step, with steps in ascending order.

    Raises:
        FileNotFoundError: The folder has no such file.
        ValueError: A row cannot be read, or nothing was logged.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{work_dir} has no TIME/vis_data/scalars.json: give the --work-dir of a training run'
        )
    scalars: dict[str, dict[int, float]] = {}
    for file in files:
        rows = _read_rows(file)
        if rows:
            first = rows[0][0]
            for values in scalars.values():
                for step in [step for step in values if step >= first]:
                    del values[step]
        for step, row in rows:
            for name, value in row.items():
                scalars.setdefault(name, {})[step] = value
    if not scalars:
        raise ValueError(f'{work_dir} has no logged values: let the run take a few steps first')
    return {name: values for name, values in scalars.items() if values}


def _read_rows(file: Path) -> list[tuple[int, dict[str, float]]]:
    """Read the training step and the values of each row."""
    rows: list[tuple[int, dict[str, float]]] = []
    for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), start=1):
        try:
            row = json.loads(line)
            is_training = 'lr' in row
            step = int(row.pop('step')) if is_training else rows[-1][0]
            rows.append((step, {name: float(value) for name, value in row.items()}))
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError) as error:
            raise ValueError(
                f'{file}, row {number}: this is not a row of a training log of MMEngine; delete it'
            ) from error
    return rows


def curves_figure(scalars: Scalars, title: str) -> Figure:
    """Draw losses, learning rate and any validation accuracies over the training steps.

    Args:
        scalars: From :func:`read_scalars`. Accuracies are fractions, and are drawn in per cent.
        title: Name of the run.

    Raises:
        ValueError: The log has nothing to draw.
    """
    losses = {_loss_name(name): values for name, values in scalars.items() if 'loss' in name}
    if len(losses) == 2:  # the sum equals its single term
        losses.pop('sum', None)
    accuracies = {
        name: {step: 100 * value for step, value in scalars[key].items()}
        for key, name in VALIDATION_NAMES.items()
        if key in scalars
    }
    rates = {'learning rate': scalars['lr']} if 'lr' in scalars else {}
    panels = {'loss': losses, 'learning rate': rates, 'validation\naccuracy (%)': accuracies}
    panels = {label: curves for label, curves in panels.items() if curves}
    if not panels:
        raise ValueError(f'none of {", ".join(scalars)} is a loss, a learning rate or a validation accuracy')
    figure = Figure(figsize=(7, 0.6 + 2.1 * len(panels)), layout='constrained')
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, (label, curves) in zip(all_axes, panels.items(), strict=True):
        for index, (name, values) in enumerate(curves.items()):
            axes.plot(
                list(values),
                list(values.values()),
                color=COLOURS[index % len(COLOURS)],
                marker=MARKERS[index % len(MARKERS)] if _is_short(values) else None,
                markersize=5,
                markerfacecolor='none',
                linewidth=1.5,
                linestyle=LINE_STYLES[index % len(LINE_STYLES)],
                label=name,
            )
        axes.set_ylabel(label)
        if len(curves) > 1:
            axes.legend(loc='lower right', bbox_to_anchor=(1, 1), ncols=4, fontsize=8, frameon=False)
        bare(axes)
    figure.suptitle(f'Learning curves: {title}', fontsize=10)
    all_axes[-1].set_xlabel('training step')
    return figure


def curves_caption(scalars: Scalars) -> str:
    """Say how the loss changes from the first to the last tenth of the logged steps."""
    losses = [value for value in scalars.get('loss', {}).values() if not math.isnan(value)]
    if len(losses) < 2:
        return 'Losses and learning rate over the training steps.'
    part = max(1, len(losses) // 10)
    first, last = statistics.fmean(losses[:part]), statistics.fmean(losses[-part:])
    verb = 'falls' if last < first else 'does not fall: it goes'
    return (
        f'Losses and learning rate over the training steps. The sum of the losses {verb} from {first:.2f} to '
        f'{last:.2f} (means of the first and the last tenth of the logged steps).'
    )


def _loss_name(name: str) -> str:
    return 'sum' if name == 'loss' else name.removeprefix('loss_').replace('_', ' ')


def _is_short(values: Mapping[int, Any]) -> bool:
    return sum(not math.isnan(value) for value in values.values()) <= 30
