"""What a user calls from Python."""

from ga2mm.apis.inference import classify_video, init_recognizer

__all__ = ['classify_video', 'init_recognizer']
