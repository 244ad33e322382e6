"""Command lines of all tools: they answer before anything heavy is imported."""

import ast
import subprocess
import sys

import pytest

from tests.helpers import running

TOOLS = [
    str(path.relative_to(running.ROOT / 'tools'))
    for path in sorted((running.ROOT / 'tools').rglob('*.py'))
    if "__name__ == '__main__'" in path.read_text()
]
HEAVY = {'torch', 'mmengine', 'mmaction', 'mmcv', 'open_clip', 'sklearn', 'scipy', 'matplotlib', 'cv2', 'av'}
RUN = f"""
import runpy, sys
path, *sys.argv[1:] = sys.argv[1:]
try:
    runpy.run_path(path, run_name='__main__')
finally:
    print('imported:', *sorted({HEAVY} & set(sys.modules)))
"""


def answer(name: str, *words: str) -> subprocess.CompletedProcess:
    path = running.ROOT / 'tools' / name
    return subprocess.run(
        [sys.executable, '-c', RUN, str(path), *words],
        env=running.environment() | {'PYTHONPATH': f'{path.parent}:{running.ROOT}'},
        capture_output=True,
        text=True,
    )


def test_there_are_tools():
    assert {'train.py', 'test.py', 'run_protocol.py', 'data/make_splits.py'} <= set(TOOLS)


@pytest.mark.parametrize('name', TOOLS)
def test_help_imports_nothing_heavy(name):
    done = answer(name, '--help')
    assert done.returncode == 0
    assert done.stdout.startswith('usage: ')
    assert done.stdout.splitlines()[-1].strip() == 'imported:'


@pytest.mark.parametrize('name', TOOLS)
def test_a_wrong_command_line_is_an_error_before_anything_heavy_is_imported(name):
    done = answer(name, '--no-such-option')
    assert done.returncode == 2
    assert 'error: ' in done.stderr.splitlines()[-1]
    assert done.stdout.strip() == 'imported:'


@pytest.mark.parametrize('name', [name for name in TOOLS if name != 'web.py'])
def test_what_a_tool_imports_exists(name):
    for node in ast.walk(ast.parse((running.ROOT / 'tools' / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith('ga2mm'):
            exec(compile(ast.Module([node], []), f'{name}:{node.lineno}', 'exec'), {})
