"""Names in any script in pictures and labelled videos."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image

from ga2mm.apis.prediction import Prediction
from ga2mm.datasets import VideoFile
from ga2mm.visualization import (
    VideoSet,
    bars_figure,
    curves_figure,
    save_figure,
    text_font,
    tradeoff_figure,
    tsne_figure,
)
from ga2mm.visualization.confusion import confusion_figure, count_confusion
from ga2mm.visualization.labelled_video import write_labelled_video
from ga2mm.visualization.text_font import by_font, escape, fonts_for

UNKNOWN = '\U000f0123'  # for private use
BOX = '\U000f0999'
"""A character that only :func:`box_font` has."""


@pytest.fixture
def box_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed font whose only character is a large black box."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    box, nothing = pen.glyph(), TTGlyphPen(None).glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(['.notdef', 'box'])
    font.setupCharacterMap({ord(BOX): 'box'})
    font.setupGlyf({'.notdef': nothing, 'box': box})
    font.setupHorizontalMetrics({'.notdef': (1000, 0), 'box': (1000, 0)})
    font.setupHorizontalHeader(ascent=1000, descent=0)
    font.setupNameTable(dict(familyName='Boxes', styleName='Regular'))
    font.setupOS2(sTypoAscender=1000)
    font.setupPost()
    folder = tmp_path / 'fonts'
    folder.mkdir()
    font.save(folder / 'boxes.ttf')
    monkeypatch.setattr(font_manager, 'X11FontDirectories', [str(folder)])
    monkeypatch.setattr(font_manager.fontManager, 'ttflist', [*font_manager.fontManager.ttflist])
    text_font._choose.cache_clear()
    yield str(folder / 'boxes.ttf')
    text_font._choose.cache_clear()


def titled(title: str, tick: str = 'a') -> Figure:
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xticks([0, 1], [tick, 'b'])
    axes.set_yticks([])
    return figure


def darkness(png: Path) -> float:
    return float((255 - np.asarray(Image.open(png).convert('L'), dtype=float)).sum())


def test_font_of_matplotlib_is_enough_for_many_scripts() -> None:
    files, lacking = fonts_for(['réd', 'Привет', 'γάτα'])
    assert [Path(file).name for file in files] == ['DejaVuSans.ttf'] and not lacking


def test_characters_without_a_font_are_named_once() -> None:
    with pytest.warns(UserWarning, match='no installed font has .* fonts-noto-cjk') as raised:
        _, lacking = fonts_for([f'a ü {UNKNOWN}', UNKNOWN])
    assert len(raised) == 1 and lacking == {UNKNOWN}
    assert escape(f'ü {UNKNOWN}', lacking) == 'ü \\U000f0123'


def test_an_installed_font_joins(box_font: str) -> None:
    with warnings.catch_warnings(action='error'):
        files, lacking = fonts_for([f'a{BOX} b'])
    assert files[1:] == [box_font] and not lacking
    assert by_font(f'a{BOX} b', files) == [(files[0], 'a'), (box_font, f'{BOX} '), (files[0], 'b')]


@pytest.mark.parametrize('place', ['title', 'tick'])
def test_picture_shows_the_character_of_an_installed_font(place: str, box_font: str, tmp_path: Path) -> None:
    with warnings.catch_warnings(action='error'):
        png, svg = save_figure(titled(**(dict(title='a') | {place: f'a{BOX}'})), tmp_path / 'a')
    plain, _ = save_figure(titled('a'), tmp_path / 'b')
    assert darkness(png) - darkness(plain) > 100 * 255  # a box of more than 10 x 10 pixels
    assert BOX in svg.read_text() and 'Boxes' in svg.read_text()


def test_picture_shows_escapes_and_the_svg_the_name(tmp_path: Path) -> None:
    figure = titled(f'name {UNKNOWN}', f'tick {UNKNOWN}')
    with pytest.warns(UserWarning, match='no installed font') as raised:
        png, svg = save_figure(figure, tmp_path / 'a')
    assert len(raised) == 1
    expected, _ = save_figure(titled('name \\U000f0123', 'tick \\U000f0123'), tmp_path / 'b')
    assert np.array_equal(np.asarray(Image.open(png)), np.asarray(Image.open(expected)))
    assert svg.read_text().count(UNKNOWN) >= 2 and 'U000f0123' not in svg.read_text()


def test_confusion_matrix_with_names_in_any_script(box_font: str, tmp_path: Path) -> None:
    figure = confusion_figure(['a', f'b{BOX}'], count_confusion([(0, 0, 3), (1, 0, 1)], 2), 'test')
    with warnings.catch_warnings(action='error'):
        _, svg = save_figure(figure, tmp_path / 'a')
    assert svg.read_text().count(f'b{BOX}') >= 2 and 'Boxes' in svg.read_text()


def test_labelled_video_shows_the_character_of_an_installed_font(box_font: str, tmp_path: Path) -> None:
    frames = np.zeros((2, 96, 96, 3), np.uint8)
    light = []
    for number, name in enumerate(('a', f'a{BOX}')):
        prediction = Prediction('v', name, ((name, 0.9),), (name,))
        path = write_labelled_video(tmp_path / f'{number}.mp4', frames, [prediction])
        light.append(VideoFile(str(path)).frames([0])[0].astype(float).sum())
    assert light[1] - light[0] > 50 * 3 * 255


ROWS = [
    dict(method=f'method {UNKNOWN}', dataset='a', base=80, novel=70, hm=74.7),
    dict(method='other', dataset='a', base=70, novel=80, hm=74.7),
]
POINTS = VideoSet('a', [UNKNOWN, 'b'], np.array([0, 1]), {'before': np.eye(2), 'after': np.eye(2)})


@pytest.mark.parametrize(
    'figure',
    [
        bars_figure(ROWS),
        tradeoff_figure(ROWS),
        curves_figure({'loss': {1: 2.0, 2: 1.0}}, UNKNOWN),
        tsne_figure([POINTS], 'a'),
        confusion_figure([UNKNOWN, 'b'], count_confusion([[0, 1, 1]], 2), 'a'),
    ],
    ids=['bars', 'tradeoff', 'curves', 'tsne', 'confusion'],
)
def test_all_pictures_of_reports_escape_names_and_keep_them_in_the_svg(figure, tmp_path):
    with pytest.warns(UserWarning, match='no installed font has'):
        _, svg = save_figure(figure, tmp_path / 'picture')
    assert UNKNOWN in svg.read_text()
