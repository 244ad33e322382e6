"""The command ``ga2mm`` as a whole."""

import subprocess
import sys

from ga2mm.cli import COMMANDS


def test_help_is_fast_because_it_imports_no_torch():
    code = 'import sys; from ga2mm.cli import make_app; make_app(); print("torch" in sys.modules)'
    assert subprocess.check_output([sys.executable, '-c', code], text=True) == 'False\n'


def test_help_lists_the_commands_and_a_wrong_one_suggests_the_nearest():
    def run(*args):
        return subprocess.run([sys.executable, '-m', 'ga2mm', *args], capture_output=True, text=True)

    shown = run('--help').stdout
    assert all(f' {name} ' in shown for name in COMMANDS)
    wrong = run('trian')
    assert wrong.returncode == 2 and 'train' in wrong.stderr
