"""Accuracy that counts unreadable test videos as wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.evaluation import AccMetric

from ga2mm.registry import METRICS
from ga2mm.structures import scores_and_label

NAMES = ('top_k_accuracy', 'mean_class_accuracy')


@METRICS.register_module()
class Accuracy(AccMetric):
    """Top-k and mean class accuracy, from 0 to 1: ``acc/top1``, ``acc/top5``, ``acc/mean1``.

    A sample with ``readable=False`` in its metainfo is wrong for every metric. If there are such samples,
    ``acc/unreadable`` is their number, and the loop logs them. A k above the number of classes is reduced
    to it, so every readable sample is correct.

    After an evaluation, ``confusion`` on the main process holds the confusion matrix as a list of
    ``[label, predicted, count]`` with counts above 0, and ``predicted`` the predicted label of each sample,
    in the order of the test list. The prediction of an unreadable sample is -1.

    Design choice: ``mean1`` averages over the classes that have test samples. MMAction2 also averages over
    classes that are predicted but have no samples, with accuracy 0.

    Args:
        metric_list: Metrics to compute, from ``'top_k_accuracy'`` and ``'mean_class_accuracy'``.
        collect_device: Device that collects the results of several processes, ``'cpu'`` or ``'gpu'``.
        metric_options: ``dict(top_k_accuracy=dict(topk=(1, 5)))`` gives the values of k.
        prefix: Prefix of the metric names. Default: ``'acc'``.

    Raises:
        ValueError: ``metric_list`` or ``metric_options`` has an unknown metric, or a k is below 1.
    """

    def __init__(
        self,
        metric_list: str | Sequence[str] = NAMES,
        collect_device: str = 'cpu',
        metric_options: dict | None = None,
        prefix: str | None = None,
    ) -> None:
        metric_list = (metric_list,) if isinstance(metric_list, str) else tuple(metric_list)
        for name in metric_list:
            if name not in NAMES:
                raise ValueError(f'metric_list: unknown name {name!r}; choose from {NAMES}')
        for name in metric_options or {}:
            if name not in NAMES:
                raise ValueError(
                    f'metric_options: unknown key {name!r}; write dict(top_k_accuracy=dict(topk=(1, 5)))'
                )
        topk = ((metric_options or {}).get('top_k_accuracy') or {}).get('topk', (1, 5))
        self.topk = (topk,) if isinstance(topk, int) else tuple(topk)
        if min(self.topk) < 1:
            raise ValueError(f'metric_options: topk={topk}; give values of 1 or more')
        self.confusion: list[list[int]] = []
        self.predicted: list[int] = []
        super().__init__(metric_list=metric_list, collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add a batch of predictions, given as dicts of data samples."""
        for sample in data_samples:
            scores, label = scores_and_label(sample)
            self.results.append(
                dict(
                    scores=scores.float().cpu().numpy(),
                    label=int(label),
                    readable=sample.get('readable', True),
                )
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the metrics over all samples; their names have no prefix."""
        scores = np.stack([result['scores'] for result in results])
        labels = np.array([result['label'] for result in results])
        readable = np.array([result['readable'] for result in results])

        taken_for = np.where(readable, scores.argmax(axis=1), -1)
        self.predicted = taken_for.tolist()
        pairs, counts = np.unique(np.stack([labels, taken_for]), axis=1, return_counts=True)
        self.confusion = np.concatenate([pairs, counts[None]]).T.tolist()

        metrics: dict[str, float] = {}
        if 'top_k_accuracy' in self.metrics:
            ranked = np.argsort(scores, axis=1)[:, ::-1]
            for k in self.topk:
                right = (ranked[:, :k] == labels[:, None]).any(axis=1) & readable
                metrics[f'top{k}'] = float(right.mean())
        if 'mean_class_accuracy' in self.metrics:
            right = taken_for == labels
            by_class = [right[labels == label].mean() for label in np.unique(labels)]
            metrics['mean1'] = float(np.mean(by_class))
        if not readable.all():
            metrics['unreadable'] = int((~readable).sum())
        return metrics
