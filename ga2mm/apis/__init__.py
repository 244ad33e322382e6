"""What a user calls from Python."""

from ga2mm.apis.inference import classify_video, init_recognizer
from ga2mm.apis.run import read_test_sets, test, train

__all__ = ['classify_video', 'init_recognizer', 'read_test_sets', 'test', 'train']
