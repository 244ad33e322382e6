"""Pictures of time lines."""

import pytest

from ga2mm.apis.prediction import NONE_OF_THESE, Prediction
from ga2mm.visualization import time_line_figure
from ga2mm.visualization.labelled_video import caption_of


def segment(label: str, start: float, end: float, probability: float = 0.5) -> Prediction:
    labels = () if label == NONE_OF_THESE else (label,)
    return Prediction('film', label, ((label if labels else 'other', probability),), labels, 1.0, start, end)


def test_bars_have_the_place_and_height_of_the_segments() -> None:
    segments = [segment('a', 0, 4, 0.9), segment(NONE_OF_THESE, 4, 6), segment('a', 6, 7, 0.7)]
    figure = time_line_figure(segments, 'film')
    bars = [container.patches[0] for container in figure.axes[0].containers]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 4), (4, 2), (6, 1)]
    assert [bar.get_height() for bar in bars] == [0.9, 0.04, 0.7]
    assert bars[0].get_facecolor() == bars[2].get_facecolor() != bars[1].get_facecolor()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['a', NONE_OF_THESE]


def test_many_classes_share_a_colour() -> None:
    figure = time_line_figure([segment(f'class {i}', i, i + 1) for i in range(12)])
    assert 'other classes' in [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(figure.legends[0].get_texts()) == 7


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match='nothing to draw'):
        time_line_figure([])


def test_caption_names_up_to_three_labels() -> None:
    top = (('a', 0.9), ('b', 0.8), ('c', 0.7), ('d', 0.6))
    assert caption_of(Prediction('v', 'a', top, ('a', 'b', 'c', 'd'))) == 'a  90%\nb  80%\nc  70%'
    assert caption_of(Prediction('v', NONE_OF_THESE, top, ())) == NONE_OF_THESE
