"""The training budget: all methods of a benchmark train on the same number of clips and steps."""

from collections.abc import Iterable
from typing import Any

from ga2mm.benchmark.cell import Cell


def check_budgets(cells: Iterable[Cell]) -> None:
    """Check that all methods train on the same list, with the same number of labelled clips and steps.

    Raises:
        ValueError: The budgets of two methods differ.
    """
    budgets: dict[tuple, tuple[str, dict[str, Any]]] = {}
    for cell in cells:
        if not cell.trains:
            continue
        budget = _budget(cell)
        place = (cell.dataset, cell.shots, cell.draw, cell.seed)
        method, other = budgets.setdefault(place, (cell.method, budget))
        for key, value in budget.items():
            if value != other[key]:
                raise ValueError(
                    f'{cell.config}: {key} is {value!r} for {cell.method!r} but {other[key]!r} for '
                    f'{method!r} on {cell.dataset}: give all methods of a benchmark the same budget'
                )


def _budget(cell: Cell) -> dict[str, Any]:
    """Give the training budget of a run by the keys of its config."""
    cfg = cell.read_config()
    dataset = cfg.train_dataloader.dataset
    labelled = dict(dataset.dataset if str(dataset.get('type')).endswith('AnchorDataset') else dataset)
    labelled.pop('pipeline', None)
    return {
        'train_cfg': {key: value for key, value in cfg.train_cfg.items() if not key.startswith('val_')},
        'train_dataloader.batch_size': cfg.train_dataloader.batch_size,
        'optim_wrapper.accumulative_counts': cfg.optim_wrapper.get('accumulative_counts', 1),
        'train_dataloader.dataset': labelled,
    }
