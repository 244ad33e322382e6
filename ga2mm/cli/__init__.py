"""The command ``ga2mm``: one file per command, with a function of the command's name.

The files import only Typer at their top and everything else in the function, so that ``ga2mm --help`` is
fast. The docstring of the function is the command's help.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from typer import Typer

COMMANDS = ('train', 'predict', 'test', 'report', 'check', 'export', 'demo', 'list')
"""The commands, in the order of the help."""


def main() -> None:
    """Run the command line; input errors become one line on stderr and exit code 1."""
    warnings.filterwarnings('ignore', message='Fail to import')  # mmcv's, about a layer that nothing uses
    with one_line_errors():
        make_app()()


def make_app() -> 'Typer':
    """Make the Typer application of all commands."""
    from typer import Typer

    app = Typer(
        name='ga2mm',
        help='Teach CLIP your actions from a few clips each, and classify new videos.',
        callback=lambda: None,  # makes a group of the commands, however many there are
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in COMMANDS:
        app.command(name)(getattr(import_module(f'{__name__}.{name}'), name))
    return app
