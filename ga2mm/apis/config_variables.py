"""The variables that config files read: ``{{$GA2MM_DRAW:0}}`` is the value of one, or 0 where it has none."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PREFIX = 'GA2MM_'
"""What the names of our variables begin with."""

NOT_OF_CONFIGS = {'GA2MM_TRACEBACK'}


@contextmanager
def config_variables(variables: Mapping[str, str] | None) -> Iterator[None]:
    """Let the one config that is read inside have these variables, and no others of ours.

    MMEngine takes variables from ``os.environ`` and from nowhere else, so they are there while the file is
    read; when the block ends, the environment is what it was.

    Args:
        variables: Values by name; None to leave the environment as it is.
    """
    if variables is None:
        yield
        return
    ours = {name for name in os.environ if name.startswith(PREFIX)} - NOT_OF_CONFIGS
    before = {name: os.environ.get(name) for name in ours | variables.keys()}
    for name in ours:
        del os.environ[name]
    os.environ.update(variables)
    logging.disable(logging.INFO)  # MMEngine reports each variable
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
