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
    from ga2mm.web.contents import Contents

PORTS = range(7860, 7880)
"""Ports to try if none is given."""


def check_gradio() -> None:
    """Raise a ValueError if Gradio is not installed."""
    if find_spec('gradio') is None:
        raise ValueError("ga2mm demo needs Gradio: pip install 'ga2mm[demo]'")


@contextmanager
def own_folder() -> Iterator[Path]:
    """Give a temporary folder for all temporary files of this process, and remove it at the end.

    Ctrl-C, SIGTERM and SIGHUP end the block first, unless they are ignored, as by nohup. Gradio must be
    imported inside the block, since it reads its settings when it is imported.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.getsignal(one) for one in signals if signal.getsignal(one) != signal.SIG_IGN}
    usual = tempfile.tempdir
    folder = tempfile.TemporaryDirectory(prefix='ga2mm-demo-', ignore_cleanup_errors=True)
    try:
        for one in before:
            signal.signal(one, signal.default_int_handler if one == signal.SIGINT else end)
        tempfile.tempdir = folder.name
        os.environ.update(GRADIO_TEMP_DIR=f'{folder.name}/gradio', GRADIO_ANALYTICS_ENABLED='False')
        yield Path(folder.name)
    finally:
        for one in before:  # a second Ctrl-C must not stop the removal
            signal.signal(one, signal.SIG_IGN)
        folder.cleanup()
        tempfile.tempdir = usual
        for one, handler in before.items():
            signal.signal(one, handler)


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
    contents: 'Contents',
    max_mb: int,
    host: str,
    port: int,
    browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the page until Ctrl-C or the end of the process.

    Args:
        contents: What the page offers.
        max_mb: Size of an upload in MB (2**20 bytes).
        host: Name or address to listen on.
        port: The port.
        browser: Whether to open the page in the browser.
        say: Prints a line.
    """
    from ga2mm.web.page import CSS, THEME, make_page

    page = make_page(contents, max_mb)
    local = ('localhost', '127.0.0.1', '::1', host)
    for name in ('no_proxy', 'NO_PROXY'):  # Gradio asks its own server whether it runs
        os.environ[name] = ','.join(filter(None, [os.environ.get(name), *local]))
    page.launch(
        share=False,
        server_name=f'[{host}]' if ':' in host else host,
        server_port=port,
        inbrowser=browser,
        max_file_size=max_mb * 2**20,
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
