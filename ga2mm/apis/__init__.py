"""What a user calls from Python."""

from ga2mm.apis.inference import NONE_OF_THESE, calibrate_threshold, classify_video, init_recognizer
from ga2mm.apis.run import read_test_sets, test, train

__all__ = [
    'NONE_OF_THESE',
    'calibrate_threshold',
    'classify_video',
    'init_recognizer',
    'read_test_sets',
    'test',
    'train',
]
