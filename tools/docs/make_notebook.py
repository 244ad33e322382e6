"""Write a notebook from a script with cells: lines ``# %%`` and ``# %% [markdown]`` begin a cell.

A line ``shell('command {name}')`` of the script is the notebook's ``!command {name}``.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

SHELL = re.compile(r"(?m)^shell\('(.*)'\)$")
CELL = re.compile(r'(?m)^# %%( \[markdown\])?\n')


def notebook_of(script: str) -> str:
    """Give the notebook of a script, as the text of an ``.ipynb`` file without outputs."""
    _, *parts = CELL.split(script)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    cells = [_cell(bool(mark), text.strip('\n'), number) for number, (mark, text) in enumerate(pairs)]
    kernel = {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'}
    metadata = {'colab': {'provenance': []}, 'kernelspec': kernel, 'language_info': {'name': 'python'}}
    notebook = {'cells': cells, 'metadata': metadata, 'nbformat': 4, 'nbformat_minor': 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1) + '\n'


def _cell(is_markdown: bool, text: str, number: int) -> dict[str, Any]:
    text = re.sub(r'(?m)^# ?', '', text) if is_markdown else SHELL.sub(r'!\1', text)
    cell = {
        'cell_type': 'markdown' if is_markdown else 'code',
        'id': f'cell{number}',
        'metadata': {},
        'source': text.splitlines(keepends=True),
    }
    return cell if is_markdown else cell | {'execution_count': None, 'outputs': []}


def main() -> None:
    """Write or check the notebooks of scripts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scripts', nargs='+', type=Path, help='scripts; NAME.py becomes NAME.ipynb')
    parser.add_argument('--check', action='store_true', help='write nothing; fail if a notebook would change')
    args = parser.parse_args()
    for script in args.scripts:
        notebook, text = script.with_suffix('.ipynb'), notebook_of(script.read_text(encoding='utf-8'))
        if not args.check:
            notebook.write_text(text, encoding='utf-8')
        elif not notebook.exists() or notebook.read_text(encoding='utf-8') != text:
            sys.exit(f'error: {notebook} is not up to date: run python tools/docs/make_notebook.py {script}')


if __name__ == '__main__':
    main()
