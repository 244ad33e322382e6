"""The progress bar."""

import os
import pty
import subprocess
import sys

from tests.helpers.running import environment

CODE = """
import sys
from contextlib import redirect_stderr
from ga2mm.engine import ProgressHook
hook = ProgressHook()
with open('log.txt', 'w') as log, redirect_stderr(log):
    hook._start('training', 2)
    hook._advance('loss 0.500')
    print('from a library', file=sys.stderr)
    hook._advance('')
    hook.after_train(None)
"""


def run(folder, stderr) -> None:
    subprocess.run([sys.executable, '-c', CODE], cwd=folder, env=environment(), stderr=stderr, check=True)


def test_a_terminal_shows_the_bar_and_no_output_of_libraries(tmp_path):
    terminal, process_side = pty.openpty()
    run(tmp_path, process_side)
    os.close(process_side)
    shown = b''
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # Linux ends a terminal whose other side is closed with an error
        pass
    assert b'training' in shown and b'2/2' in shown and b'from a library' not in shown
    assert (tmp_path / 'log.txt').read_text() == 'from a library\n'


def test_a_file_gets_no_bar(tmp_path):
    with (tmp_path / 'stderr.txt').open('w') as stderr:
        run(tmp_path, stderr)
    assert 'training' not in (tmp_path / 'stderr.txt').read_text()
