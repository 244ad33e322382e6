"""A Griffe extension that turns the reStructuredText of docstrings into Markdown."""

import re
from typing import Any

import griffe

ROLE = re.compile(r':(?:class|func|meth|mod|data|attr):`(~?)([\w.]+)`')
LITERAL = re.compile(r'(?m)(^|\s)::$')
SESSION = re.compile(r'(?m)^>>> .*(?:\n.+)*')


class DocstringsAsMarkdown(griffe.Extension):
    """Make roles (``:class:``) links where the site has their target, and sessions (``>>>``) code blocks."""

    def on_object(self, *, obj: griffe.Object, loader: Any, **kwargs: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring:
            text = ROLE.sub(lambda match: _link(obj, *match.groups()), obj.docstring.value)
            text = SESSION.sub(lambda match: f'```pycon\n{match[0]}\n```', text)
            obj.docstring.value = LITERAL.sub('', text)


def _link(obj: griffe.Object, short: str, path: str) -> str:
    shown = path.rpartition('.')[2] if short else path
    if path.startswith('ga2mm.'):
        full = path
    else:
        try:
            full = obj.resolve(path)
        except griffe.NameResolutionError:
            full = path
    return f'<autoref identifier="{full}" optional><code>{shown}</code></autoref>'
