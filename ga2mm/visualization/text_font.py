"""Fonts for names in any script."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

USUAL = 'DejaVu Sans'
"""The font that comes with matplotlib."""


def fonts_for(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """Give files of fonts, and the characters of the texts that no font has. A warning names these.

    The font of matplotlib comes first; installed fonts follow, the ones that add most characters, until all
    characters are there or no font adds any.
    """
    files, lacking = _choose(frozenset(char for text in texts for char in text if not char.isspace()))
    if lacking:
        warnings.warn(
            f'no installed font has {"".join(sorted(lacking))!r}, which are written as \\uNNNN: install one, '
            'such as fonts-noto-cjk',
            stacklevel=2,
        )
    return [*files], {*lacking}


@lru_cache
def _choose(wanted: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    usual = font_manager.findfont(USUAL)
    files, lacking = [usual], wanted - _known(usual, wanted)
    adds = {path: _known(path, lacking) for path in sorted(font_manager.findSystemFonts())} if lacking else {}
    while lacking:
        best = max(adds, key=lambda path: len(adds[path] & lacking), default=None)
        if best is None or not adds[best] & lacking:
            break
        files.append(best)
        lacking -= adds[best]
    return tuple(files), lacking


@lru_cache
def _known(path: str, wanted: frozenset[str]) -> frozenset[str]:
    """Give those characters that a font has."""
    try:
        characters = FT2Font(path).get_charmap()
    except (RuntimeError, OSError):  # a font that FreeType cannot read
        return frozenset()
    return frozenset(char for char in wanted if ord(char) in characters)


def by_font(text: str, files: Iterable[str]) -> list[tuple[str, str]]:
    """Split a text into pairs of font file and part, each part in the first font that has its characters."""
    files, wanted = list(files), frozenset(text)
    parts: list[tuple[str, str]] = []
    for char in text:
        file = next((file for file in files if char in _known(file, wanted)), files[0])
        if parts and (parts[-1][0] == file or char.isspace()):
            parts[-1] = (parts[-1][0], parts[-1][1] + char)
        else:
            parts.append((file, char))
    return parts


def escape(text: str, lacking: set[str]) -> str:
    """Replace characters that no font has by their Unicode escapes: ``\\u6253``."""
    return ''.join(char.encode('unicode_escape').decode() if char in lacking else char for char in text)


def set_fonts(figure: Figure) -> set[str]:
    """Set fonts for all texts of a figure, and give the characters that no font has."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_ticklabels()  # they exist from here on
    texts = figure.findobj(Text)
    files, lacking = fonts_for(text.get_text() for text in texts)
    if len(files) > 1:
        families = [*(_family(file) for file in files), 'sans-serif']  # the last for readers of the SVG
        for text in texts:
            text.set_fontfamily(families)
    return lacking


@contextmanager
def escaped(figure: Figure, lacking: set[str]) -> Iterator[None]:
    """Show the escapes of characters that no font has, in all texts of a figure, while the block runs."""
    if not lacking:
        yield
        return
    axes = [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)]
    formatters = [axis.get_major_formatter() for axis in axes]
    texts = [(text, text.get_text()) for text in figure.findobj(Text)]
    for axis, old in zip(axes, formatters, strict=True):
        new = FuncFormatter(lambda value, place, old=old: escape(old(value, place), lacking))
        if any(lacking & set(label.get_text()) for label in axis.get_ticklabels()):
            axis.set_major_formatter(new)
    for text, content in texts:
        text.set_text(escape(content, lacking))
    try:
        yield
    finally:
        for text, content in texts:
            text.set_text(content)
        for axis, old in zip(axes, formatters, strict=True):
            if axis.get_major_formatter() is not old:
                axis.set_major_formatter(old)


def _family(path: str) -> str:
    """Give the name of a font, under which matplotlib finds it from here on."""
    fonts = font_manager.fontManager.ttflist
    if not any(font.fname == path for font in fonts):
        font_manager.fontManager.addfont(path)
    return next(font.name for font in reversed(fonts) if font.fname == path)
