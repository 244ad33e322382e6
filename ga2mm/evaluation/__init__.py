"""Metrics."""

import mmaction.evaluation  # noqa: F401  registers MMAction2's metrics

from ga2mm.evaluation.accuracy import Accuracy
from ga2mm.evaluation.harmonic_mean import harmonic_mean

__all__ = ['Accuracy', 'harmonic_mean']
