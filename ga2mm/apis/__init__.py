"""The Python interface for users; a name is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ga2mm.apis.command_line import ConfigOptions
    from ga2mm.apis.config import read_config
    from ga2mm.apis.inference import NONE_OF_THESE, calibrate_threshold, classify, load
    from ga2mm.apis.model_file import export_model
    from ga2mm.apis.run import read_test_sets, test, train
    from ga2mm.apis.video_classifier import VideoClassifier
    from ga2mm.checks.config_check import check_config
    from ga2mm.checks.split_check import Finding, check_test_config, check_train_config

__all__ = [
    'NONE_OF_THESE',
    'ConfigOptions',
    'Finding',
    'VideoClassifier',
    'calibrate_threshold',
    'check_config',
    'check_test_config',
    'check_train_config',
    'classify',
    'export_model',
    'load',
    'read_config',
    'read_test_sets',
    'test',
    'train',
]

_NAMES = {
    'ga2mm.apis.command_line': ('ConfigOptions',),
    'ga2mm.apis.config': ('read_config',),
    'ga2mm.apis.inference': ('NONE_OF_THESE', 'calibrate_threshold', 'classify', 'load'),
    'ga2mm.apis.model_file': ('export_model',),
    'ga2mm.apis.run': ('read_test_sets', 'test', 'train'),
    'ga2mm.apis.video_classifier': ('VideoClassifier',),
    'ga2mm.checks.config_check': ('check_config',),
    'ga2mm.checks.split_check': ('Finding', 'check_test_config', 'check_train_config'),
}


def __getattr__(name: str) -> Any:
    for module, names in _NAMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
