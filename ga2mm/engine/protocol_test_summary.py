"""Metrics, tables and the report of :class:`~ga2mm.engine.ProtocolTestLoop`."""

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ga2mm.engine.protocol_test_sets import IRRELEVANT
from ga2mm.evaluation.harmonic_mean import harmonic_mean
from ga2mm.utils import write_text

TOP1 = 'acc/top1'


def all_metrics(summary: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Give the metrics by ``SET/METRIC``, harmonic means, and means over the splits of a dataset."""
    metrics = {
        f'{name}/{key}': value
        for name, found in summary.items()
        for key, value in found.items()
        if '/' in key and isinstance(value, float)
    }
    for prefix in ('', 'generalized/'):
        pair = [f'{prefix}base/{TOP1}', f'{prefix}novel/{TOP1}']
        if all(key in metrics for key in pair):
            metrics[f'{prefix}hm'] = harmonic_mean(*(metrics[key] for key in pair))
    splits: dict[str, list[float]] = {}
    for name, found in summary.items():
        dataset, _, number = name.rpartition('/')
        if number.isdigit() and TOP1 in found:
            splits.setdefault(dataset, []).append(found[TOP1])
    for dataset, values in splits.items():
        metrics[f'{dataset}/{TOP1}'] = statistics.fmean(values)
        metrics[f'{dataset}/{TOP1}_std'] = statistics.stdev(values) if len(values) > 1 else 0.0
    return metrics


def accuracy_table(summary: dict[str, dict[str, Any]], metrics: dict[str, float]) -> str:
    """Give the accuracies in per cent as a Markdown table."""
    rows = ['| set | classes | videos | top-1 | top-5 | mean class |', '| --- ' * 6 + '|']
    for name, found in summary.items():
        values = [
            f'{100 * found[key]:.2f}' if key in found else '–' for key in (TOP1, 'acc/top5', 'acc/mean1')
        ]
        rows.append(f'| {name} | {found["classes"]} | {found["videos"]} | {" | ".join(values)} |')
    for key, value in metrics.items():
        if key.endswith('hm'):
            rows.append(f'| {key.replace("hm", "HM")} | | | {100 * value:.2f} | | |')
        elif key.endswith('_std'):
            dataset = key.removesuffix(f'/{TOP1}_std')
            mean = 100 * metrics[f'{dataset}/{TOP1}']
            rows.append(f'| {dataset}, mean of its splits | | | {mean:.2f} ± {100 * value:.2f} | | |')
    return '\n'.join(rows)


def irrelevant_table(separation: dict[str, dict[str, float]]) -> str:
    """Give AUROC and FPR of each known set against irrelevant videos, in per cent, as a Markdown table."""
    rows = ['| known set | videos | irrelevant videos | AUROC | FPR at 95 % TPR |', '| --- ' * 5 + '|']
    for name, found in separation.items():
        rows.append(
            f'| {name} | {found["known_videos"]} | {found["irrelevant_videos"]} | '
            f'{100 * found["auroc"]:.2f} | {100 * found["fpr95"]:.2f} |'
        )
    return '\n'.join(rows)


def as_json(value: Any) -> Any:
    """Convert a metric's result to a value that JSON can represent; a single value becomes a number."""
    if isinstance(value, Tensor):
        value = value.detach().float().cpu().numpy() if value.is_floating_point() else value.cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        return value.item() if value.size == 1 else value.tolist()
    if isinstance(value, dict):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def write_report(
    path: Path,
    summary: dict[str, dict[str, Any]],
    separation: dict[str, dict[str, float]],
    metrics: dict[str, float],
    checkpoint: str | None,
) -> None:
    """Write the report of a test as JSON.

    Args:
        path: The file.
        summary, separation: Results of each test set, and of each known set against irrelevant videos.
        metrics: Metrics that :func:`all_metrics` gives.
        checkpoint: The tested checkpoint; None for a model without one.
    """
    percent = {
        key.removesuffix(f'/{TOP1}'): round(100 * value, 4)
        for key, value in metrics.items()
        if key.endswith((TOP1, 'hm'))
    }
    report = {'top1_percent': percent, 'sets': summary, IRRELEVANT: separation, 'checkpoint': checkpoint}
    write_text(path, json.dumps(report) + '\n')
