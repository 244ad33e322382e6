"""Metrics."""

import mmaction.evaluation  # noqa: F401  registers MMAction2's metrics

from ga2mm.evaluation.accuracy import Accuracy
from ga2mm.evaluation.harmonic_mean import harmonic_mean
from ga2mm.evaluation.open_set import auroc, fpr_at_tpr

__all__ = ['Accuracy', 'auroc', 'fpr_at_tpr', 'harmonic_mean']
