"""The command ``ga2mm demo``; the page itself is tested in tests/web."""

import socket
import sys

import pytest
from typer.testing import CliRunner, Result

from ga2mm.cli import make_app


def demo(*words: object) -> Result:
    return CliRunner().invoke(make_app(), ['demo', '--no-browser', *map(str, words)])


def test_without_gradio_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'gradio', None)
    done = demo()
    assert done.exit_code == 1
    assert str(done.exception) == "ga2mm demo needs Gradio: pip install 'ga2mm[demo]'"


@pytest.fixture
def gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pass the first check; the commands below end before they need the package."""
    monkeypatch.setattr('ga2mm.web.server.check_gradio', lambda: None)


@pytest.mark.usefixtures('gradio')
def test_taken_port_is_one_line_before_the_model_is_loaded() -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        done = demo('nowhere.ga2', '--port', server.getsockname()[1])
    assert done.exit_code == 1 and 'cannot listen on 127.0.0.1' in str(done.exception)


@pytest.mark.usefixtures('gradio')
def test_wrong_model_is_one_line() -> None:
    done = demo('configs/ga2/miniature_ga2.py')
    assert done.exit_code == 1 and 'is not a model file' in str(done.exception)
    assert isinstance(done.exception, ValueError)


@pytest.mark.usefixtures('gradio')
def test_other_host_is_a_warning() -> None:
    assert 'warning: everyone who reaches this machine' in demo('a.py', '--host', '0.0.0.0').stderr
    assert 'warning' not in demo('a.py').stderr
