"""HTML of an answer: the label of the video and its time line. The browser has fonts for all scripts."""

from html import escape
from urllib.parse import quote

from ga2mm.apis.prediction import Prediction
from ga2mm.apis.time_line import TimeLine
from ga2mm.visualization.style import COLOURS
from ga2mm.web.page_classifier import Answer

GREY = '#9a9a9a'
"""Colour of 'none of these'."""

STYLE = """
.ga2mm-player { width: 100%; max-height: 20rem; background: #000; image-rendering: pixelated }
.ga2mm-title { margin-bottom: .3rem; font-weight: 600 }
.ga2mm-label { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }
.ga2mm-label small { opacity: .75; white-space: nowrap }
.ga2mm-none { font-style: italic }
.ga2mm-note { margin-top: .35rem; font-size: .9rem; opacity: .8; overflow-wrap: anywhere }
.ga2mm-problem { padding: .6rem .8rem; border-left: 4px solid #d55e00; overflow-wrap: anywhere }
.ga2mm-line { position: relative; height: 2.4rem; overflow: hidden; background: var(--border-color-primary) }
.ga2mm-line span { position: absolute; height: 100%; box-shadow: inset -1px 0 #fff }
.ga2mm-axis { display: flex; justify-content: space-between; font-size: .8rem; opacity: .75 }
.ga2mm-parts { max-height: 30rem; overflow-y: auto; margin-top: .6rem }
.ga2mm-parts table { width: 100%; border-collapse: collapse }
.ga2mm-parts table, .ga2mm-parts tr, .ga2mm-parts td { border: 0 !important }
.ga2mm-parts td { padding: .15rem .8rem .15rem 0 !important; overflow-wrap: anywhere; vertical-align: top }
.ga2mm-parts td:first-child, .ga2mm-parts td:last-child { white-space: nowrap; width: 1% }
.ga2mm-parts td:last-child { text-align: right }
.ga2mm-parts i { display: inline-block; width: .75rem; height: .75rem; margin-right: .5rem }
"""
"""Style sheet of the elements below."""


def player_html(video: str) -> str:
    """Give a player of an uploaded file; it stays hidden if the browser cannot play the file."""
    source = escape(f'gradio_api/file={quote(video)}')
    return (
        f'<video hidden class="ga2mm-player" src="{source}" onloadeddata="this.hidden = false" '
        'controls autoplay loop muted playsinline></video>'
    )


def label_html(answer: Answer) -> str:
    """Give the label of a video and the explanation of "none of these"."""
    one = answer.prediction
    if one.probability is None:
        label = f'<span class="ga2mm-none">{escape(one.label)}</span>'
    else:
        label = f'{escape(one.label)} <small>{one.probability:.0%}</small>'
    title = '' if answer.time_line is None else '<div class="ga2mm-title">The whole video</div>'
    notes = [one.problem] if one.problem else []
    notes += [f'Largest logit {one.max_logit:.2f}. {answer.level}', *answer.warnings]
    below = ''.join(f'<div class="ga2mm-note">{escape(note)}</div>' for note in notes)
    return f'{title}<div class="ga2mm-label" role="status">{label}</div>{below}'


def problem_html(problem: str) -> str:
    """Give a line that says what is wrong."""
    return f'<div class="ga2mm-problem" role="alert">{escape(problem)}</div>'


def time_line_html(line: TimeLine, seconds: float) -> str:
    """Give the time line as coloured parts and as a table.

    Args:
        line: The windows so far.
        seconds: Length of the video.
    """
    parts = line.segments
    colours = _colours(parts)
    bars, rows = [], []
    for one in parts:
        colour, text = colours.get(one.label, GREY), escape(one.label)
        share = '' if one.probability is None else f'{one.probability:.0%}'
        span = f'{_clock(one.start)} – {_clock(one.end)}'
        left, width = 100 * one.start / seconds, 100 * (one.end - one.start) / seconds
        place = f'left:{left:.3f}%;width:{width:.3f}%;background:{colour}'
        bars.append(f'<span style="{place}" title="{span}: {text} {share}"></span>')
        swatch = f'<i style="background:{colour}"></i>'
        rows.append(f'<tr><td>{span}</td><td>{swatch}{text}</td><td>{share}</td></tr>')
    lost = [one.problem for one in line.predictions if one.label is None]
    problems = ''.join(f'<div class="ga2mm-note">{escape(problem)}</div>' for problem in lost)
    times = ''.join(f'<span>{_clock(time)}</span>' for time in (0, seconds / 2, seconds))
    return (
        f'<div class="ga2mm-title">Over time</div>'
        f'<div class="ga2mm-line" role="img" aria-label="{len(parts)} parts, listed below">'
        f'{"".join(bars)}</div>'
        f'<div class="ga2mm-axis">{times}</div>{problems}'
        f'<div class="ga2mm-note">Windows of {line.window:g} s every {line.stride:.3g} s.</div>'
        f'<div class="ga2mm-parts"><table>{"".join(rows)}</table></div>'
    )


def _colours(parts: list[Prediction]) -> dict[str, str]:
    """Give a colour to each class, in the order in which they appear, so that it stays while a line grows."""
    labels = dict.fromkeys(one.label for one in parts if one.probability is not None)
    colours = COLOURS[:-1]  # the last one is black, which a dark page hides
    return {label: colours[place % len(colours)] for place, label in enumerate(labels)}


def _clock(seconds: float) -> str:
    """Give seconds as ``minutes:seconds``, with a decimal where it is not zero."""
    tenths = round(10 * seconds)
    text = f'{tenths // 600}:{tenths // 10 % 60:02}'
    return f'{text}.{tenths % 10}' if tenths % 10 else text
