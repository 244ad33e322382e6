"""Elements of a self-contained HTML page, for wide and narrow screens, in light and dark colours."""

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from ga2mm.utils import replace_when_written

STYLE = """
:root { color-scheme: light dark; --text: #1d1d1f; --soft: #57575c; --line: #d8d8dc; --page: #fff;
  --box: #f3f5f8; --right: #00664a; --wrong: #a33c00 }
@media (prefers-color-scheme: dark) { :root { --text: #ececf0; --soft: #b4b4bc; --line: #46464e;
  --page: #17171b; --box: #24242b; --right: #5fd3ac; --wrong: #ffa66b } }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 1.2rem 1rem 4rem;
  color: var(--text); background: var(--page); overflow-wrap: break-word }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .3em 0 }
h2 { font-size: 1.25rem; margin: 2.2em 0 .4em }
p, dl { max-width: 48rem }
.lead { font-size: 1.2rem; line-height: 1.45; margin: .6em 0 1em }
.soft, figcaption, .small { color: var(--soft) }
.small { font-size: .9rem }
dl { font-size: .93rem; margin: .6em 0 1.2em; padding-left: .9em; border-left: 3px solid var(--line) }
dt { font-weight: 600; display: inline }
dt::after { content: ": " }
dd { display: inline; margin: 0 }
dd::after { content: ""; display: block; margin-bottom: .35em }
.wide { overflow-x: auto; margin: .4em 0 1.5em }
.wide:focus-visible { outline: 2px solid }
table { border-collapse: collapse; font-size: .93rem }
caption, .heading { text-align: left; font-weight: 600; margin: 1.2em 0 .2em }
th, td { padding: .3em .7em; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
th { vertical-align: bottom }
th:first-child, td:first-child { text-align: left; padding-left: 0; min-width: 7em }
@media (max-width: 30rem) { table { font-size: .86rem } th, td { padding: .3em .3em }
  th:first-child, td:first-child { min-width: 4em } }
.columns { display: grid; gap: 0 2.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)) }
.clips { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)) }
.clip { background: var(--box); border-radius: 8px; padding: .7rem }
.clip img { width: 100%; display: block; border-radius: 4px }
.clip img.pixels { image-rendering: pixelated }
.clip p { margin: .45em 0 0 }
.right { color: var(--right); white-space: nowrap }
.wrong { color: var(--wrong); white-space: nowrap }
.box { background: var(--box); border-radius: 8px; padding: .2rem 1.1rem .6rem; margin: 2.2em 0 }
.box h2 { margin-top: .7em }
pre { white-space: pre-wrap; overflow-x: auto; font-size: .88rem; line-height: 1.5;
  background: var(--page); padding: .7em .9em;
  border-radius: 6px; border: 1px solid var(--line) }
pre span { white-space: nowrap }
figure { margin: 1.4em 0 2em }
figure .wide { margin: 0 0 .5em; background: #fff; border-radius: 6px }
figure img { display: block; height: auto }
figcaption { max-width: 48rem }
"""

LEAST_SCALE = 0.74
"""Pictures are not shown smaller than this, so that text stays legible: a narrow screen scrolls them."""


def write_page(path: Path, title: str, parts: Sequence[str]) -> Path:
    """Write a page of HTML elements under a title.

    Returns:
        The path.
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><style>{STYLE}</style>'
    )
    body = '\n'.join([f'<h1>{html.escape(title)}</h1>', *parts])
    with replace_when_written(path) as temporary:
        text = f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'
        temporary.write_text(text, encoding='utf-8')
    return path


def html_heading(text: str) -> str:
    """Give the heading of a section."""
    return f'<h2>{html.escape(text)}</h2>'


def html_text(text: str, style: str = '') -> str:
    """Give a paragraph; the style is ``'lead'`` (large), ``'small'`` or none."""
    return f'<p{_class(style)}>{html.escape(text)}</p>'


def html_terms(terms: Sequence[tuple[str, str]]) -> str:
    """Give a list of terms with their explanations; nothing without terms."""
    rows = [f'<dt>{html.escape(term)}</dt><dd>{html.escape(text)}</dd>' for term, text in terms]
    return f'<dl>{"".join(rows)}</dl>' if rows else ''


def html_table(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table with a heading above it. A table that is wider than the screen scrolls by itself."""

    def row(values: Sequence[str], tag: str) -> str:
        return '<tr>' + ''.join(f'<{tag}>{html.escape(value)}</{tag}>' for value in values) + '</tr>'

    body = '\n'.join([row(columns, 'th'), *(row(values, 'td') for values in rows)])
    title = html.escape(heading)
    table = (
        f'<div class="wide" tabindex="0" role="region" aria-label="{title}"><table>\n{body}\n</table></div>'
    )
    return f'<p class="heading">{title}</p>\n{table}'


def html_columns(parts: Sequence[str]) -> str:
    """Give parts next to each other, or below each other on a narrow screen."""
    return '<div class="columns">' + ''.join(f'<div>{part}</div>' for part in parts) + '</div>'


def html_box(heading: str, text: str, commands: Sequence[str]) -> str:
    """Give a box with a text and commands to copy."""
    lines = ''.join(f'<pre>{_whole_words(command)}</pre>' for command in commands)
    return f'<div class="box">{html_heading(heading)}{html_text(text)}{lines}</div>'


def html_picture(svg: Path, caption: str) -> str:
    """Give a picture, embedded in the page, with a caption."""
    content = svg.read_bytes()
    width = float(re.search(rb'<svg[^>]*? width="([\d.]+)pt"', content)[1]) * 96 / 72
    size = f'width:100%;max-width:{width:.0f}px;min-width:{LEAST_SCALE * width:.0f}px'
    data = base64.b64encode(content).decode()
    text = html.escape(caption)
    image = f'<img alt="{text}" style="{size}" src="data:image/svg+xml;base64,{data}">'
    return f'<figure><div class="wide">{image}</div><figcaption>{text}</figcaption></figure>'


def _whole_words(command: str) -> str:
    """Give a command that is not broken within a word, such as an option with hyphens."""
    return ' '.join(f'<span>{html.escape(word)}</span>' for word in command.split(' '))


def _class(style: str) -> str:
    return f' class="{style}"' if style else ''
