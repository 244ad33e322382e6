"""Variables in config files: ``{{$GA2MM_DRAW:0}}`` stands for the value of ``GA2MM_DRAW``, by default 0."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PREFIX = 'GA2MM_'
"""Prefix of the variables of ga2mm."""

NOT_OF_CONFIGS = {'GA2MM_TRACEBACK'}


@contextmanager
def config_variables(variables: Mapping[str, str] | None) -> Iterator[None]:
    """Read a config inside this block with these variables, and no other ``GA2MM_`` variables.

    MMEngine reads variables from ``os.environ`` only, so this sets them there and restores the environment
    when the block ends.

    Args:
        variables: Values by name; None to leave the environment unchanged.
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
