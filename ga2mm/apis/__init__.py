"""The Python interface for users."""

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
