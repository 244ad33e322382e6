"""One self-contained HTML file of tables and pictures."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from ga2mm.utils import replace_when_written

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: .5em 0 1.5em }
th, td { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left }
figure { margin: 1.5em 0 }
figcaption { color: #555 }
img { max-width: 100% }
"""


def write_page(path: Path, title: str, parts: Sequence[str]) -> Path:
    """Write a page of HTML elements under a title.

    Returns:
        The path.
    """
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    body = '\n'.join([f'<h1>{html.escape(title)}</h1>', *parts])
    with replace_when_written(path) as temporary:
        temporary.write_text(f'<!doctype html>\n{head}\n{body}\n', encoding='utf-8')
    return path


def html_text(text: str) -> str:
    """Give a paragraph."""
    return f'<p>{html.escape(text)}</p>'


def html_table(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table with a heading above it."""

    def row(values: Sequence[str], tag: str) -> str:
        return '<tr>' + ''.join(f'<{tag}>{html.escape(value)}</{tag}>' for value in values) + '</tr>'

    body = '\n'.join([row(columns, 'th'), *(row(values, 'td') for values in rows)])
    return f'<p><b>{html.escape(heading)}</b></p>\n<table>\n{body}\n</table>'


def html_picture(svg: Path, caption: str) -> str:
    """Give a picture, embedded in the page, with a caption."""
    data = base64.b64encode(svg.read_bytes()).decode()
    image = f'<img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{data}">'
    return f'<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>'
