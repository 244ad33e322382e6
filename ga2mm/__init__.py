"""Few-shot and open-vocabulary action recognition by prompt tuning a frozen CLIP.

What a user calls from Python is offered here, and imported when it is first used:

>>> import ga2mm
>>> model = ga2mm.load('configs/ga2/ucf101_base2novel.py', 'epoch_12.pth')
>>> ga2mm.classify(model, 'clip.mp4', ['juggling balls', 'walking a dog'])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ga2mm.version import __version__

if TYPE_CHECKING:
    from ga2mm import registry
    from ga2mm.apis import (
        VideoClassifier,
        calibrate_threshold,
        classify,
        export_model,
        load,
        read_config,
        test,
        train,
    )

__all__ = [
    'VideoClassifier',
    '__version__',
    'calibrate_threshold',
    'classify',
    'export_model',
    'load',
    'read_config',
    'registry',
    'test',
    'train',
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    if name == 'registry':
        return import_module('ga2mm.registry')
    return getattr(import_module('ga2mm.apis'), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
