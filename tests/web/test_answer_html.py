"""HTML of answers."""

import re
from dataclasses import replace

import pytest

from ga2mm.apis.prediction import NONE_OF_THESE, Prediction
from ga2mm.apis.time_line import TimeLine
from ga2mm.web.answer_html import GREY, label_html, player_html, problem_html, time_line_html
from ga2mm.web.page_classifier import Answer

BAD = '<img src=x onerror=alert(1)>'
ANSWER = Answer(
    Prediction('a.mp4', BAD, ((BAD, 0.876), ('b', 0.124)), (BAD,), 21.5, problem=f'{BAD} is lost'),
    frames=[],
    level=f'At {BAD} or less.',
    seconds=10.0,
    warnings=(BAD,),
)


def window(start: float, label: str, probability: float = 0.9) -> Prediction:
    known = label != NONE_OF_THESE
    labels = (label,) if known else ()
    top = ((label if known else 'run', probability),)
    return Prediction('a.mp4', label, top, labels, 1.0, start, start + 4)


def test_label_has_its_probability_and_the_reasons() -> None:
    html = label_html(ANSWER)
    text = re.sub('<[^>]*>', '|', html)
    assert '88%' in text and 'Largest logit 21.50.' in text and 'is lost' in text
    rejected = replace(ANSWER.prediction, label=NONE_OF_THESE, labels=())
    html = label_html(replace(ANSWER, prediction=rejected))
    assert 'none of these' in html and '%' not in html.split('</div>')[0]


def test_texts_of_users_never_become_html() -> None:
    line = TimeLine('a.mp4', 4, 1, (window(0, BAD), Prediction('a.mp4', problem=f'{BAD} lost')))
    whole = label_html(ANSWER) + problem_html(BAD) + time_line_html(line, 10.0) + player_html(f'/t/{BAD}"')
    assert whole.count('&lt;img') == 8 and '<img' not in whole
    assert re.search(r'src="gradio_api/file=[^"<>]*%22"', whole)


def test_time_line_has_a_bar_and_a_row_for_each_part() -> None:
    windows = (window(0, 'run'), window(1, 'run', 0.7), window(2, '打篮球'), window(3, NONE_OF_THESE))
    html = time_line_html(TimeLine('a.mp4', 4, 1, windows), 70.0)
    bars = re.findall(r'<span style="left:([\d.]+)%;width:([\d.]+)%;background:(#\w+)"', html)
    assert [tuple(map(float, bar[:2])) for bar in bars] == [
        (0.0, pytest.approx(350 / 70, abs=1e-3)),
        (pytest.approx(350 / 70, abs=1e-3), pytest.approx(100 / 70, abs=1e-3)),
        (pytest.approx(450 / 70, abs=1e-3), pytest.approx(250 / 70, abs=1e-3)),
    ]
    assert bars[2][2] == GREY and len({bar[2] for bar in bars}) == 3
    rows = [re.sub('<[^>]*>', '|', row).strip('|') for row in re.findall('<tr>(.*?)</tr>', html)]
    assert rows == [
        '0:00 – 0:03.5||||run||80%',
        '0:03.5 – 0:04.5||||打篮球||90%',
        '0:04.5 – 0:07||||none of these',
    ]
    assert '<span>0:35</span><span>1:10</span>' in html


def test_colour_of_a_class_stays_while_the_line_grows() -> None:
    windows = tuple(window(place, f'class {place % 7}') for place in range(14))

    def colours(count: int) -> list[str]:
        return re.findall(
            r'<i style="background:(#\w+)"', time_line_html(TimeLine('', 4, 1, windows[:count]), 20)
        )

    assert all(colours(14)[:count] == colours(count) for count in range(14))


def test_empty_time_line_is_a_line_without_parts() -> None:
    html = time_line_html(TimeLine('a.mp4', 4, 1, ()), 70.0)
    assert 'Windows of 4 s every 1 s.' in html and '<tr>' not in html
