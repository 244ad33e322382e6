"""The folder, the port and the packages of the server."""

import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ga2mm.web.server import check_gradio, free_port, own_folder
from tests.helpers.running import environment, signals_arrive

WAIT = """
import sys, tempfile, time
from ga2mm.web.server import own_folder
with own_folder() as folder:
    (folder / 'upload').mkdir()
    print(tempfile.mkstemp()[1], flush=True)
    time.sleep(600)
"""


def test_folder_takes_all_temporary_files_and_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    monkeypatch.setenv('GRADIO_TEMP_DIR', 'another')
    monkeypatch.setenv('GRADIO_ANALYTICS_ENABLED', 'True')
    before = signal.getsignal(signal.SIGTERM)
    with own_folder() as folder:
        assert folder.parent == tmp_path and Path(tempfile.mkdtemp()).parent == folder
    assert not list(tmp_path.iterdir())
    assert tempfile.gettempdir() == str(tmp_path) and signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_folder_goes_when_a_signal_ends_the_process(number: signal.Signals, tmp_path: Path) -> None:
    with signals_arrive():
        process = subprocess.Popen(
            [sys.executable, '-c', WAIT],
            env=environment(TMPDIR=tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    try:
        file = Path(process.stdout.readline().strip())
        assert file.exists() and tmp_path in file.parents
        process.send_signal(number)
        status = process.wait(timeout=60)
    finally:
        process.kill()
        process.stdout.close()
    assert status == (-number if number == signal.SIGINT else 128 + number)
    assert not list(tmp_path.iterdir())


def test_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(OSError, match=f'cannot listen on 127.0.0.1, port {taken} .*give another --host'):
            free_port('127.0.0.1', taken)
        assert free_port('127.0.0.1', None) != taken
    assert free_port('127.0.0.1', taken) == taken


def test_host_that_is_not_this_machine_is_one_line() -> None:
    with pytest.raises(OSError, match='cannot listen on 192.0.2.1, ports 7860 to 7879'):
        free_port('192.0.2.1', None)


def test_missing_gradio_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ValueError, match=r"ga2mm demo needs Gradio: pip install 'ga2mm\[demo\]'"):
        check_gradio()
