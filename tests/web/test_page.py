"""The page as it runs: the server, and in a real browser where Chromium and Playwright are installed."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import running
from tests.helpers.coloured import COLOURS, coloured, write

pytest.importorskip('gradio', reason="Gradio is not installed (pip install 'ga2mm[demo]')")

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)

QUIET = (
    *('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'),
    *('--disable-background-networking', '--disable-component-update'),
)
"""Options of Chromium: run as root, and ask no server of its own."""

FOREVER = 300
"""Seconds after which a busy machine is taken for a hanging page."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Running:
    """A running page.

    Attributes:
        process: The process of the command.
        port: Its port.
        temporary: The folder for temporary files.
        folder: The current folder.
    """

    process: subprocess.Popen
    port: int
    temporary: Path
    folder: Path

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}/'


@contextmanager
def serving(place: Path, **variables: str) -> Iterator[Running]:
    """Run the command with uploads of 1 MB; it must end without a traceback and without files."""
    temporary, folder = place / 'temporary', place / 'folder'
    temporary.mkdir()
    folder.mkdir()
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    words = ('-m', 'ga2mm', 'demo', '--no-browser', '--device', 'cpu', '--max-mb', 1, '--port', port)
    environment = running.environment(TMPDIR=temporary, PYTHONUNBUFFERED=1, **variables)
    output = place / 'output.txt'
    with output.open('w') as file, running.signals_arrive():
        process = subprocess.Popen(
            [environment['PYTHON'], *map(str, words)],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + FOREVER
        while 'is open' not in output.read_text():
            assert process.poll() is None and time.monotonic() < end, output.read_text()
            time.sleep(0.1)
        yield Running(process, port, temporary, folder)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=FOREVER)
    assert 'Traceback' not in output.read_text()
    assert not list(temporary.iterdir()) and not list(folder.iterdir())
    assert {path.suffix for path in (running.ROOT / 'ga2mm' / 'web').iterdir() if path.is_file()} == {'.py'}


def connected(page: Running) -> Any:
    from gradio_client import Client

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('GRADIO_ANALYTICS_ENABLED', 'False')  # the client ignores its own argument
        return Client(page.url, verbose=False, analytics_enabled=False)


@pytest.fixture(scope='module')
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp('page')) as started:
        yield started


@pytest.fixture(scope='module')
def client(page: Running) -> Any:
    return connected(page)


@pytest.fixture(scope='module')
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('uploads')
    write(folder / 'red 红.mkv', coloured(COLOURS[:1]))
    (folder / 'broken.mp4').write_bytes(b'no video')
    (folder / 'huge.mp4').write_bytes(bytes(2 * 2**20))
    return folder


def classify(client: Any, video: Any, names: str = ', '.join(COLOURS)) -> str:
    """Give the HTML of the label."""
    return client.predict(video, names, 4, api_name='/classify')[1]['value']


def test_upload_is_classified(client: Any, uploads: Path) -> None:
    from gradio_client import handle_file

    html = classify(client, handle_file(uploads / 'red 红.mkv'))
    assert 'Largest logit' in html and 'this level' in html
    assert 'broken.mp4: cannot be opened' in classify(client, handle_file(uploads / 'broken.mp4'))


def test_upload_is_bounded_by_the_server_too(client: Any, uploads: Path, page: Running) -> None:
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError
    from httpx import HTTPStatusError

    with pytest.raises((AppError, HTTPStatusError, ValueError), match='413|exceed'):
        classify(client, handle_file(uploads / 'huge.mp4'))
    assert not [path for path in page.temporary.rglob('*') if path.is_file() and path.stat().st_size > 2**20]


def test_server_opens_no_addresses_and_no_files_of_the_machine(client: Any, uploads: Path) -> None:
    from gradio_client.exceptions import AppError

    def given(path: object) -> dict[str, Any]:
        return dict(path=str(path), meta=dict(_type='gradio.FileData'))

    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(1)
        address = f'http://127.0.0.1:{server.getsockname()[1]}/video.mp4'
        with pytest.raises(AppError, match='an address is no video'):
            client.submit(given(address), 'a, b', 4, api_name='/classify').result()
        with pytest.raises(TimeoutError):
            server.accept()


def test_it_listens_on_this_address_only(page: Running) -> None:
    with socket.create_connection(('127.0.0.1', page.port)):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.2', page.port))


def test_ctrl_c_ends_it_and_it_leaves_no_files(tmp_path: Path, uploads: Path) -> None:
    from gradio_client import handle_file

    nowhere = 'http://127.0.0.1:9'  # a proxy that does not answer
    with serving(tmp_path, HTTP_PROXY=nowhere, http_proxy=nowhere) as started:
        client = connected(started)
        classify(client, handle_file(uploads / 'red 红.mkv'))
        assert [path for path in started.temporary.rglob('*.mkv') if path.parent.name != 'anchors']
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(timeout=FOREVER) == 0
        client.close()


@pytest.fixture(scope='module')
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip('playwright.sync_api', reason='Playwright is not installed')
    if CHROMIUM is None:
        pytest.skip('Chromium is not installed')
    with playwright.sync_playwright() as starter:
        browser = starter.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Any, page: Running, width: int = 1280) -> Iterator[Any]:
    """Open the page in a window; it must ask nothing of another server."""
    tab = chromium.new_page(viewport=dict(width=width, height=900))
    tab.set_default_timeout(1000 * FOREVER)
    foreign = []
    own = (page.url, 'data:', 'blob:')
    tab.on('request', lambda request: request.url.startswith(own) or foreign.append(request.url))
    tab.goto(page.url)
    tab.wait_for_selector('#ga2mm-start')
    yield tab
    tab.wait_for_load_state('networkidle')
    assert foreign == []
    tab.close()


@pytest.mark.parametrize('width', [390, 1280, 1920])
def test_sample_shows_label_probabilities_frames_and_video(chromium: Any, page: Running, width: int) -> None:
    with opened(chromium, page, width) as tab:
        assert 'knows only the miniature world' in tab.inner_text('body')
        tab.get_by_role('button', name='purple moon sliding', exact=True).click()
        tab.wait_for_selector('#ga2mm-frames img')
        assert tab.inner_text('.ga2mm-label').startswith('purple moon sliding')
        assert 'white diamond falling' in tab.inner_text('#ga2mm-shares')
        assert tab.locator('#ga2mm-frames img').count() == 4
        assert not tab.locator('.ga2mm-line').count()
        tab.wait_for_selector('#ga2mm-player video', state='visible')
        assert tab.evaluate('document.documentElement.scrollWidth') <= width
        save(tab, f'sample_{width}')


def test_long_sample_shows_a_time_line(chromium: Any, page: Running) -> None:
    with opened(chromium, page, 390) as tab:
        tab.get_by_role('button', name='a long video').click()
        tab.get_by_role('cell', name='white diamond falling').wait_for()
        rows = tab.locator('.ga2mm-parts tr')
        assert rows.count() == tab.locator('.ga2mm-line span').count() >= 6
        assert rows.first.inner_text().split('\t')[0].startswith('0:00')
        assert tab.evaluate('document.documentElement.scrollWidth') <= 390
        save(tab, 'long_390')


def test_names_of_any_script_and_with_html_are_shown_as_they_are(
    chromium: Any, page: Running, uploads: Path
) -> None:
    with opened(chromium, page) as tab:
        tab.fill('#ga2mm-names textarea', '打篮球\nПривет\n<b id=bad>x</b>\n"a, b"')
        tab.set_input_files('#ga2mm-video input[type=file]', uploads / 'red 红.mkv')
        tab.wait_for_selector('#ga2mm-frames img')
        shown = tab.inner_text('#ga2mm-shares')
        assert all(name in shown for name in ('打篮球', 'Привет', '<b id=bad>x</b>', 'a, b'))
        assert not tab.locator('#bad').count()
        assert 'never trained on some words' in tab.inner_text('#ga2mm-answer')
        save(tab, 'scripts_1280')


@pytest.mark.parametrize(
    ('name', 'said'),
    [('broken.mp4', 'broken.mp4: cannot be opened'), ('huge.mp4', 'exceed the maximum allowed size')],
)
def test_broken_and_huge_uploads_are_one_line(
    chromium: Any, page: Running, uploads: Path, name: str, said: str
) -> None:
    with opened(chromium, page) as tab:
        tab.set_input_files('#ga2mm-video input[type=file]', uploads / name)
        toast = tab.locator('.toast-body')
        toast.wait_for()
        assert said in toast.inner_text()
        assert tab.get_by_text('Traceback').count() == 0
        save(tab, name)


@pytest.mark.parametrize('press', [True, False])
def test_stop_or_the_next_video_ends_a_time_line(
    chromium: Any, page: Running, uploads: Path, press: bool
) -> None:
    write(uploads / 'nine minutes.mkv', np.zeros((1080, 16, 16, 3), np.uint8), rate=2)
    with opened(chromium, page) as tab:
        tab.set_input_files('#ga2mm-video input[type=file]', uploads / 'nine minutes.mkv')
        tab.wait_for_selector('.ga2mm-line span')
        if press:
            tab.click('#ga2mm-stop')
        tab.get_by_role('button', name='red circle bouncing', exact=True).click()
        tab.get_by_role('status').filter(has_text='red circle bouncing').wait_for()
        time.sleep(2)  # a request that goes on would show its time line again
        assert not tab.locator('.ga2mm-line').count()
        assert not tab.get_by_text('Error', exact=True).count()


def save(tab: Any, name: str) -> None:
    """Save a picture of the whole page if ``GA2MM_PICTURES`` names a folder."""
    folder = os.environ.get('GA2MM_PICTURES')
    if folder:
        tab.screenshot(path=Path(folder) / f'{name}.png', full_page=True)
