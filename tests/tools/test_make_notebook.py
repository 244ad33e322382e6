"""Notebooks: they are made from their scripts, and the scripts run."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import running
from tests.helpers.running import tool

NOTEBOOKS = running.ROOT / 'examples' / 'notebooks'
SCRIPTS = sorted(NOTEBOOKS.glob('*.py'))
SCRIPT = """# %% [markdown]
# # Title
#
# Text.

# %%
name = 'a b'
shell('echo "{name}"')
"""


def notebook_of(script: str) -> str:
    return runpy.run_path(str(running.ROOT / 'tools' / 'docs' / 'make_notebook.py'))['notebook_of'](script)


def run_script(path: Path) -> dict:
    """Run a script, with commands as in a notebook, and give its variables."""
    variables = {'__name__': '__main__'}

    def shell(command: str) -> None:
        subprocess.run(command.format_map(variables), shell=True, check=True)

    variables['shell'] = shell
    exec(compile(path.read_text(), str(path), 'exec'), variables)
    return variables


def test_cells():
    title, code = json.loads(notebook_of(SCRIPT))['cells']
    assert (title['cell_type'], ''.join(title['source'])) == ('markdown', '# Title\n\nText.')
    assert (code['cell_type'], ''.join(code['source'])) == ('code', 'name = \'a b\'\n!echo "{name}"')
    assert code['outputs'] == [] and title['id'] != code['id']


def test_each_notebook_has_a_script_and_is_up_to_date():
    assert {path.stem for path in NOTEBOOKS.glob('*.ipynb')} == {path.stem for path in SCRIPTS} != set()
    tool('docs/make_notebook.py', *SCRIPTS, '--check')


def test_an_old_notebook_is_an_error(tmp_path):
    script = tmp_path / 'lesson.py'
    script.write_text(SCRIPT)
    tool('docs/make_notebook.py', script)
    tool('docs/make_notebook.py', script, '--check')
    script.write_text(SCRIPT + 'print(name)\n')
    with pytest.raises(SystemExit, match='lesson.ipynb is not up to date: run python tools/docs/make_note'):
        tool('docs/make_notebook.py', script, '--check')


@pytest.mark.slow
def test_own_videos_runs(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MPLBACKEND', 'Agg')
    command = tmp_path / 'bin' / 'ga2mm'
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ga2mm "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv('PATH', f'{command.parent}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('PYTHONPATH', str(running.ROOT))
    variables = run_script(NOTEBOOKS / 'own_videos.py')
    assert len(list(Path('my_videos').glob('*/*.mkv'))) == 100
    assert {len(list(folder.iterdir())) for folder in Path('new_videos').iterdir()} == {3}
    assert len(variables['predictions']) == 30
    assert variables['right'] > 15  # of 30; chance is 3
    printed = capfd.readouterr().out
    assert '10 classes' in printed and f'{variables["right"]} of 30 are right' in printed
    assert Path('work_dirs/my_videos/report.html').exists()
