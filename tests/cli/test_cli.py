"""The command ``ga2mm`` as a whole."""

import subprocess
import sys


def test_help_is_fast_because_it_imports_no_torch():
    code = 'import sys; from ga2mm.cli import make_app; make_app(); print("torch" in sys.modules)'
    assert subprocess.check_output([sys.executable, '-c', code], text=True) == 'False\n'
