"""The pages: links and anchors lead somewhere, and GitHub and the site read them alike."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.helpers.running import ROOT

DOCS = ROOT / 'docs'
README = ROOT / 'README.md'
PICTURES = sorted((DOCS / 'images').iterdir())
METHODS = sorted((DOCS / 'methods').glob('*.md'))
FOLDERS = [ROOT / name for name in ('configs', 'docs', 'projects', 'tests')]
PAGES = sorted([*ROOT.glob('*.md'), *(page for folder in FOLDERS for page in folder.rglob('*.md'))])
OF_THE_SITE = [page for page in PAGES if page.parent == ROOT or page.is_relative_to(DOCS)]
NAV = (ROOT / 'mkdocs.yml').read_text(encoding='utf-8').partition('\nnav:\n')[2]
LINK = re.compile(r'\]\((?P<target>[^)\s]*)\)|(?:src|href)="(?P<html>[^"]*)"')
HEADING = re.compile(r'#{1,6} (.*)')
ITEM = re.compile(r'\s*([-*]|\d+\.) ')


@cache
def lines_of(page: Path) -> list[tuple[str, bool]]:
    """The lines of a page, each with whether it is in a block of code or begins or ends one."""
    fenced, lines = False, []
    for line in page.read_text(encoding='utf-8').splitlines():
        mark = line.lstrip().startswith('```')
        lines.append((line, fenced or mark))
        fenced ^= mark
    return lines


def prose(page: Path) -> list[str]:
    return [line for line, is_code in lines_of(page) if not is_code]


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: Counter[str] = Counter()
    names = set()
    for line in prose(page):
        if heading := HEADING.fullmatch(line):
            text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading[1])
            slug = re.sub(r'[^\w\- ]', '', text.strip().lower()).replace(' ', '-')
            names.add(f'{slug}-{found[slug]}' if found[slug] else slug)
            found[slug] += 1
    return names


def links(page: Path) -> list[str]:
    """The links into the project; ``../../actions`` is GitHub's page of the workflows."""
    text = re.sub(r'`[^`\n]*`', 'code', '\n'.join(prose(page)))
    targets = [match['target'] or match['html'] or '' for match in LINK.finditer(text)]
    return [target for target in targets if not re.match(r'[a-z]+:|\.\./\.\./actions/', target)]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    broken = []
    for link in links(page):
        path, _, anchor = unquote(link).partition('#')
        target = page.parent / path if path else page
        if not target.resolve().is_relative_to(ROOT) or not target.exists():
            broken.append(f'{link}: no such file')
        elif anchor and target.suffix == '.md' and anchor not in anchors(target.resolve()):
            broken.append(f'{link}: no such heading')
    assert not broken


def test_a_broken_link_is_seen(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# One `two`: three\n\n[a](b.md) `[c](d.md)`\n\n```\n[e](f.md)\n```\n<img src="g.png">\n')
    assert links(page) == ['b.md', 'g.png']
    assert anchors(page) == {'one-two-three'}


@pytest.mark.parametrize('page', OF_THE_SITE, ids=lambda page: str(page.relative_to(ROOT)))
def test_github_and_the_site_read_it_alike(page):
    """The site indents by four and begins no list or table within a paragraph."""
    wrong, before, fenced = [], '', False
    for number, (line, is_code) in enumerate(lines_of(page), start=1):
        indent = len(line) - len(line.lstrip())
        opens = is_code and not fenced
        item = not is_code and ITEM.match(line)
        if (opens or item or (line.strip() and not before.strip() and not is_code)) and indent % 4:
            wrong.append(f'{number}: indent by a multiple of four')
        in_list = ITEM.match(before) or before.startswith(' ')
        if item and before.strip() and not in_list:
            wrong.append(f'{number}: leave a line empty before the list')
        if not is_code and line.startswith('|') and before.strip() and not before.startswith('|'):
            wrong.append(f'{number}: leave a line empty before the table')
        before, fenced = line, is_code
    assert not wrong


def test_every_page_has_a_place_in_the_site():
    named = re.findall(r'([\w/.-]+\.md)$', NAV, re.MULTILINE)
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob('*.md')}
    outside = {'index.md', 'contributing.md', 'changelog.md'}
    packages = {name for name in named if name.startswith('api/')}
    assert sorted(named) == sorted(pages | outside | packages)
    for name in packages:
        parts = name.removeprefix('api/').removesuffix('.md').split('.')
        assert ROOT.joinpath('ga2mm', *parts, '__init__.py').exists(), name


def test_every_method_has_a_page():
    linked = {Path(link).name for page in METHODS for link in links(page) if '/configs/zoo/' in link}
    configs = {path.name for path in (ROOT / 'configs' / 'zoo').glob('*_vit_b16.py')}
    assert linked == configs - {'plus_ga2_vit_b16.py'}


@pytest.mark.parametrize('page', METHODS, ids=lambda page: page.stem)
def test_page_of_a_method(page):
    headings = [line for line in prose(page) if line.startswith('## ')]
    wanted = ['The idea in one formula', 'Config and command', 'Our figures', 'Published figures']
    assert [line for line in headings if line[3:] in wanted] == [f'## {name}' for name in wanted]
    text = page.read_text(encoding='utf-8')
    assert re.search(r'\*\*Papers?:\*\*', text) and 'https://arxiv.org/abs/' in text


@pytest.mark.parametrize('page', METHODS, ids=lambda page: page.stem)
def test_published_figures_are_quoted_as_published(page):
    sources = ((DOCS / name).read_text() for name in ('experiments/published_figures.md', 'results.md'))
    known = {cell.strip() for text in sources for line in text.splitlines() for cell in line.split('|')}
    quoted = page.read_text(encoding='utf-8').partition('## Published figures')[2].splitlines()
    cells = {cell.strip() for line in quoted if line.startswith('|') for cell in line.split('|')}
    assert {cell for cell in cells if re.match(r'\d+\.\d', cell)} <= known


def test_the_first_page_is_short_and_begins_with_what_to_do():
    lines = README.read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 120
    begin = '\n'.join(lines[:39])
    for command in ('make demo ', 'make test ', 'ga2mm train ', 'ga2mm predict ', 'import ga2mm\n'):
        assert f'\n{command}' in begin
    assert 'say nothing about real CLIP or real video' in ' '.join(lines)


@pytest.mark.parametrize('picture', PICTURES, ids=lambda path: path.name)
def test_picture(picture):
    """A page shows it, it is small, and an SVG picture has colours for light and for dark pages."""
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert picture in shown
    assert picture.stat().st_size <= 600 * 1024
    if picture.suffix == '.svg':
        text = picture.read_text(encoding='utf-8')
        assert ET.fromstring(text).get('viewBox')
        assert '(prefers-color-scheme: dark)' in text and 'var(--paper)' in text
