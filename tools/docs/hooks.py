"""MkDocs hooks: pages for files outside of ``docs``, so that links of GitHub work in the site too."""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
PAGES = {'README.md': 'index.md', 'CONTRIBUTING.md': 'contributing.md', 'CHANGELOG.md': 'changelog.md'}
"""Markdown files outside of ``docs`` that are pages of the site."""

PACKAGES = {
    'ga2mm.apis': 'Train, test, load and classify',
    'ga2mm.models': 'Models',
    'ga2mm.models.prompts': 'Prompt learners',
    'ga2mm.anchors': 'Anchors',
    'ga2mm.objectives': 'Losses and anchor strategies',
    'ga2mm.datasets': 'Datasets and transforms',
    'ga2mm.evaluation': 'Metrics',
    'ga2mm.engine': 'Hooks, loops and wrappers',
    'ga2mm.visualization': 'Pictures',
    'ga2mm.experimental': 'Experimental parts',
}
"""Packages with a page of API reference, and the titles of these pages."""

LINK = re.compile(r'(?P<before>\]\(|(?:src|href)=")(?P<target>[^)"#\s]+)(?P<anchor>#[^)"\s]*)?(?=[)"])')
FENCE = re.compile(r'^(\s*)```')
BADGE = re.compile(r'\[!\[[^]]*\]\(\.\./\.\./actions/[^)]*\)\]\([^)]*\)\n?')
"""A badge of GitHub's workflows: relative to the repository's page, whose address the site does not know."""

AS_THEY_ARE = {'.gif', '.ipynb', '.jpg', '.mp4', '.png', '.svg', '.webp'}
"""Suffixes of files that the site offers as they are."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages outside of ``docs``, the API reference, and every file that a page links to."""
    sources = {f'docs/{file.src_uri}': Path(file.abs_src_path) for file in files.documentation_pages()}
    sources |= {name: ROOT / name for name in PAGES}
    linked = {target for name, path in sources.items() for target in _links(name, path.read_text('utf-8'))}
    for name in sorted(linked | set(PAGES)):
        if not name.startswith('docs/') and (ROOT / name).exists():
            files.append(_file(name, config))
    for package, title in PACKAGES.items():
        text = f'# {title}\n\n`{package}`\n\n::: {package}\n'
        files.append(File.generated(config, f'api/{package.removeprefix("ga2mm.")}.md', content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Let links lead to pages of the site, also from and to files outside of ``docs``."""
    here = page.file.src_uri
    name = next((name for name, uri in PAGES.items() if uri == here), f'docs/{here}')
    if here.startswith(('api/', 'source/')):
        return markdown

    def replace(match: re.Match) -> str:
        target = _target(name, match['target'])
        if target is None or not (ROOT / target).exists():
            return match[0]
        uri = _uri(target)
        if match['before'] != '](':  # HTML, which MkDocs does not rewrite
            found = files.get_file_from_path(uri)
            link = found.url_relative_to(page.file) if found else uri
        else:
            link = os.path.relpath(uri, PurePosixPath(here).parent)
        return f'{match["before"]}{link}{match["anchor"] or ""}'

    lines = _lines(BADGE.sub('', markdown))
    return ''.join(LINK.sub(replace, line) if prose else line for line, prose in lines)


def _file(name: str, config: Any) -> File:
    path = ROOT / name
    if name in PAGES:
        text = path.read_text('utf-8')
        home = '---\nhide: [navigation]\n---\n\n' if _uri(name) == 'index.md' else ''
        return File.generated(config, _uri(name), content=home + text)
    if path.suffix in AS_THEY_ARE:
        return File.generated(config, _uri(name), abs_src_path=str(path))
    if path.is_dir():
        text = '\n'.join(sorted(child.name for child in path.iterdir() if child.name[0] not in '._'))
    else:
        text = path.read_text('utf-8')
    language = {'.py': 'python', '.sh': 'bash', '.yml': 'yaml', '.md': 'markdown'}.get(path.suffix, 'text')
    page = f'---\nsearch:\n  exclude: true\n---\n\n# `{name}`\n\n`````{language}\n{text}\n`````\n'
    return File.generated(config, _uri(name), content=page, inclusion=InclusionLevel.NOT_IN_NAV)


def _uri(name: str) -> str:
    """Give the path in the site's sources of a file of the repository."""
    if name.startswith('docs/'):
        return name.removeprefix('docs/')
    if name in PAGES:
        return PAGES[name]
    return f'source/{name}' if Path(name).suffix in AS_THEY_ARE else f'source/{name.replace(".", "_")}.md'


def _links(name: str, markdown: str) -> list[str]:
    """List the files of the repository that a file links to."""
    matches = [match for line, prose in _lines(markdown) if prose for match in LINK.finditer(line)]
    return [target for match in matches if (target := _target(name, match['target']))]


def _target(name: str, link: str) -> str | None:
    """Give the file of the repository that a link in the file ``name`` leads to; None for other links."""
    if re.match(r'[a-z]+:|/', link):
        return None
    target = os.path.normpath(PurePosixPath(name).parent / link)
    return None if target.startswith('..') else target


def _lines(markdown: str) -> list[tuple[str, bool]]:
    """Split a text into lines, each with whether it is prose, not code."""
    fenced, lines = False, []
    for line in markdown.splitlines(keepends=True):
        mark = bool(FENCE.match(line))
        lines.append((line, not (fenced or mark)))
        fenced ^= mark
    return lines
