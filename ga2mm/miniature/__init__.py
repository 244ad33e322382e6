"""A world small enough for a laptop: a tiny CLIP and generated videos that show a whole method.

No pretrained CLIP and no public video is needed to see prompt tuning gain on base classes and
lose on novel ones, and to see what a remedy does about it:

* :mod:`ga2mm.miniature.world` draws the scenes, names the classes and writes the captions,
* :mod:`ga2mm.miniature.dataset` writes videos, annotation files and label tables,
* :mod:`ga2mm.miniature.pretrain` trains the tiny CLIP whose weights lie under ``assets``.

Numbers measured here say nothing about a real CLIP or about real videos.
"""

from ga2mm.miniature.world import STYLES, class_draw, source_classes

__all__ = ['STYLES', 'class_draw', 'source_classes']
