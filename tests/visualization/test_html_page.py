"""Elements of HTML pages: tables, clips, explanations of terms."""

import base64
import io
import re

import numpy as np
from PIL import Image

from ga2mm.visualization.clip_cards import ClipCard, html_clips
from ga2mm.visualization.glossary import Glossary
from ga2mm.visualization.html_page import html_box, html_table, write_page


def image_of(page: str) -> Image.Image:
    data = re.search('src="data:image/[a-z]+;base64,([^"]+)"', page)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def card(height: int, **changes) -> str:
    frames = [np.full((height, 2 * height, 3), 80 * number, np.uint8) for number in range(3)]
    given = dict(
        true='打篮球', answers={'zero-shot': 'run <fast>', 'tuned': '打篮球'}, note='true class, novel'
    )
    return html_clips([ClipCard(frames, **given | changes)])


class TestClips:
    def test_answers_are_right_or_wrong_in_words(self):
        page = card(32)
        assert '打篮球' in page and 'true class, novel' in page
        first, second = re.findall('<p>((?:zero-shot|tuned): .*?)</p>', page)
        assert 'run &lt;fast&gt;' in first and '✗ wrong' in first
        assert '✓ right' in second

    def test_small_frames_are_stored_as_they_are(self):
        page = card(32)
        image = image_of(page)
        assert 'class="pixels"' in page and (image.format, image.size) == ('PNG', (3 * 64 + 2, 32))
        assert [image.getpixel((x, 5))[0] for x in (5, 64, 70, 150)] == [0, 255, 80, 160]

    def test_large_frames_are_reduced(self):
        image = image_of(card(1080))
        assert image.format == 'JPEG' and image.height == 120 and image.width < 750


def test_table_and_box_escape_their_texts(tmp_path):
    parts = [html_table('a < b', ['&'], [['<i>']]), html_box('<h>', '<t>', ['ga2mm a', 'ga2mm <b>'])]
    page = write_page(tmp_path / 'page.html', '打篮球 & more', parts).read_text()
    assert '<title>打篮球 &amp; more</title>' in page
    for text in (
        'a &lt; b',
        '<td>&lt;i&gt;</td>',
        '&lt;t&gt;',
        '<span>&lt;b&gt;</span></pre>',
    ):
        assert text in page


class TestGlossary:
    def test_a_term_is_explained_once_and_so_are_the_terms_of_its_explanation(self):
        glossary = Glossary()
        first = re.findall('<dt>(.*?)</dt>', glossary.explain('GA2-CLIP on base classes'))
        assert first[:2] == ['base classes', 'GA2-CLIP'] and {
            'deep prompts',
            'hard prompt',
            'anchors',
        } <= set(first)
        assert glossary.explain('GA2-CLIP', 'base classes and anchors') == ''

    def test_terms_are_whole_words(self):
        assert Glossary().explain('HMDB51') == ''
        found = re.findall('<dt>(.*?)</dt>', Glossary().explain('generalized HM'))
        assert found == ['generalized HM', 'HM']  # its explanation says HM
