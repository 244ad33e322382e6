"""The frozen CLIP."""

from ga2mm.models.clip.open_clip_model import OpenCLIP

__all__ = ['OpenCLIP']
