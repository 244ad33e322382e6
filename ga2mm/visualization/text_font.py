"""Fonts for names in any script."""

import warnings
from collections.abc import Iterable
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

USUAL = 'DejaVuSans.ttf'
"""The font that comes with matplotlib."""


def font_for(texts: Iterable[str]) -> tuple[str, set[str]]:
    """Give the file of a font, and the characters of the texts that it lacks.

    The font of matplotlib is taken if it has all characters, else the installed one that lacks the fewest.
    """
    wanted = frozenset(char for text in texts for char in text if not char.isspace())
    return _choose(wanted)


@lru_cache
def _choose(wanted: frozenset[str]) -> tuple[str, set[str]]:
    best, lacking = font_manager.findfont('DejaVu Sans'), set(wanted)
    for path in (best, *sorted(font_manager.findSystemFonts())):
        try:
            known = FT2Font(path).get_charmap()
        except (RuntimeError, OSError):  # a font that FreeType cannot read
            continue
        lacks = {char for char in wanted if ord(char) not in known}
        if len(lacks) < len(lacking) or (path == best and not lacks):
            best, lacking = path, lacks
        if not lacking:
            break
    return best, lacking


def escape(text: str, lacking: set[str]) -> str:
    """Replace characters that a font lacks by their Unicode escapes: ``\\u6253``.

    A warning names them.
    """
    found = sorted(lacking & set(text))
    if found:
        warnings.warn(
            f'no installed font has {"".join(found)!r}, which are written as \\uNNNN: install one, such as '
            'fonts-noto-cjk',
            stacklevel=2,
        )
    return ''.join(char.encode('unicode_escape').decode() if char in lacking else char for char in text)
