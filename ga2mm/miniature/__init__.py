"""The miniature world: a tiny CLIP and generated videos, on which a whole method runs on a laptop.

It shows that prompt tuning gains on base classes and loses on novel classes, and what a method changes
about that, without a pretrained CLIP and without public videos:
* :mod:`ga2mm.miniature.world` draws the scenes, names the classes and writes the captions,
* :mod:`ga2mm.miniature.dataset` writes videos, annotation files and label tables,
* :mod:`ga2mm.miniature.pretrain` trains the tiny CLIP whose weights lie under ``assets``.

Its numbers say nothing about a real CLIP or real videos.
"""

from ga2mm.miniature.world import STYLES, class_draw, source_classes

__all__ = ['STYLES', 'class_draw', 'source_classes']
