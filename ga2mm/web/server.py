"""The server of the page: on this machine only unless asked, in a temporary folder that it removes."""

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ga2mm.web.page import Contents
    from ga2mm.web.page_classifier import PageClassifier

PORTS = range(7860, 7880)
"""Ports to try if none is given."""


def check_gradio() -> None:
    """Raise a ValueError if Gradio is not installed."""
    if find_spec('gradio') is None:
        raise ValueError("ga2mm demo needs Gradio: pip install 'ga2mm[demo]'")


@contextmanager
def own_folder() -> Iterator[Path]:
    """Give a temporary folder for all temporary files of this process, and remove it at the end.

    The signals SIGTERM and SIGHUP, which end a process, end the block first. Gradio must be imported inside
    the block, since it reads its settings when it is imported.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    usual = tempfile.tempdir
    try:
        with tempfile.TemporaryDirectory(prefix='ga2mm-demo-', ignore_cleanup_errors=True) as name:
            tempfile.tempdir = name
            os.environ.update(GRADIO_TEMP_DIR=f'{name}/gradio', GRADIO_ANALYTICS_ENABLED='False')
            yield Path(name)
    finally:
        tempfile.tempdir = usual
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port(host: str, port: int | None) -> int:
    """Give a port on which a server can listen.

    Args:
        host: Name or address of this machine.
        port: The port; None for the first free one of ``PORTS``.

    Raises:
        OSError: The port is taken or not allowed, or the host is not this machine.
    """
    for one in PORTS if port is None else (port,):
        try:
            family = socket.getaddrinfo(host, one)[0][0]
            with socket.create_server((host, one), family=family):
                return one
        except OSError as error:
            problem = error
    place = f'port {port}' if port is not None else f'ports {PORTS[0]} to {PORTS[-1]}'
    raise OSError(
        f'cannot listen on {host}, {place} ({problem.strerror or problem}): give another --host or --port'
    )


def serve(
    classifier: 'PageClassifier',
    contents: 'Contents',
    host: str,
    port: int,
    browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the page until Ctrl-C or the end of the process.

    Args:
        classifier: Answers the requests.
        contents: What the page offers.
        host: Name or address to listen on.
        port: The port.
        browser: Whether to open the page in the browser.
        say: Prints a line.
    """
    from ga2mm.web.page import CSS, THEME, make_page

    page = make_page(classifier, contents)
    local = ('localhost', '127.0.0.1', '::1', host)
    for name in ('no_proxy', 'NO_PROXY'):  # Gradio asks its own server whether it runs
        os.environ[name] = ','.join(filter(None, [os.environ.get(name), *local]))
    page.launch(
        share=False,
        server_name=f'[{host}]' if ':' in host else host,
        server_port=port,
        inbrowser=browser,
        max_file_size=contents.max_mb * 10**6,
        prevent_thread_lock=True,
        quiet=True,
        theme=THEME,
        css=CSS,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        inline=False,
    )
    try:
        say(f'{page.local_url} is open; Ctrl-C ends it')
        while page.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        say('ended by Ctrl-C')
    finally:
        page.close(verbose=False)
