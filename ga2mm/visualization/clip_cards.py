"""Test clips as cards of a page: frames, true class, and the answers before and after tuning."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

HEIGHT = 120
"""Pixels of the height of a stored frame, at most."""

SMALL = 64
"""Frames up to this height are enlarged without blur and stored without loss."""


@dataclass(frozen=True)
class ClipCard:
    """A test clip with its answers.

    Args:
        frames: Frames in order of time, each uint8 RGB (height, width, 3).
        true: Name of its class.
        answers: By the name of a model, the name of the class that it answers.
        note: What the true class is, such as 'true class, novel'.
    """

    frames: Sequence[np.ndarray]
    true: str
    answers: dict[str, str]
    note: str = 'true class'


def html_clips(cards: Sequence[ClipCard]) -> str:
    """Give the cards, next to each other as far as there is room."""
    return f'<div class="clips">{"".join(map(_card, cards))}</div>'


def _card(card: ClipCard) -> str:
    true = html.escape(card.true)
    source, style = _strip(card.frames)
    lines = [
        f'<img class="{style}" alt="{len(card.frames)} frames of a clip of {true}" src="{source}">',
        f'<p><b>{true}</b> <span class="small">{html.escape(card.note)}</span></p>',
    ]
    for model, answer in card.answers.items():
        sign, word = ('✓', 'right') if answer == card.true else ('✗', 'wrong')
        mark = f'<b class="{word}">{sign} {word}</b>'
        lines.append(f'<p>{html.escape(model)}: {html.escape(answer)} {mark}</p>')
    return f'<div class="clip">{"".join(lines)}</div>'


def _strip(frames: Sequence[np.ndarray]) -> tuple[str, str]:
    """Give frames next to each other as a data URI, and the style of the image."""
    small = frames[0].shape[0] <= SMALL
    images = [Image.fromarray(frame) for frame in frames]
    height = min(HEIGHT, images[0].height)
    images = [image.resize((max(1, round(image.width * height / image.height)), height)) for image in images]
    gap = max(1, height // 40)
    strip = Image.new('RGB', (sum(image.width + gap for image in images) - gap, height), 'white')
    left = 0
    for image in images:
        strip.paste(image, (left, 0))
        left += image.width + gap
    file = io.BytesIO()
    strip.save(file, 'PNG' if small else 'JPEG', **({} if small else dict(quality=85)))
    data = base64.b64encode(file.getvalue()).decode()
    return f'data:image/{"png" if small else "jpeg"};base64,{data}', 'pixels' if small else 'photo'
