"""Few-shot and open-vocabulary action recognition by prompt tuning a frozen CLIP."""

from ga2mm import registry
from ga2mm.version import __version__

__all__ = ['__version__', 'registry']
