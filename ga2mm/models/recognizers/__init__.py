"""Recognizers."""

from ga2mm.models.recognizers.clip_recognizer import CLIPRecognizer

__all__ = ['CLIPRecognizer']
