"""Read the config of a run, change it by options, and name the key at fault in errors."""

import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.fileio import load
from mmengine.registry import build_functions

from ga2mm.apis.config_variables import config_variables
from ga2mm.checks.runner_keys import runner_keys
from ga2mm.utils import nearest

MOST_CHARACTERS = 600
"""Maximum length of a quoted error message."""

_BUILDS = re.compile('__init__|build_|register_|scale_lr|set_|setup_|_maybe_compile')
"""Methods of MMEngine's runner that build the parts of a run."""


def read_config(
    path: str | Path,
    options: Mapping[str, Any] | None = None,
    runs: bool = True,
    variables: Mapping[str, str] | None = None,
) -> Config:
    """Read a config file.

    Args:
        path: The file, in Python, JSON or YAML.
        options: Values by dotted keys that replace the config's, as ``--cfg-options`` gives them.
        runs: Whether the file is the config of a run or a part of one; its top-level keys are then checked.
        variables: Values of the variables in the file, instead of the environment's; None for the
            environment's.

    Raises:
        OSError: The file does not exist or cannot be opened.
        ValueError: The file or one of its bases is not a config, or raises an error; a top-level key
            looks misspelt; an option has no effect.
    """
    path = Path(path)
    with config_variables(variables):
        cfg = _read(path)
    if not runs:
        return cfg
    unread = _unread(cfg)
    for key in unread:
        like = nearest(key, runner_keys() | _all_keys(cfg), 0.8)
        if like:
            raise ValueError(f'{path}: nothing reads the key {key!r}; did you mean {like!r}?')
    merge_options(cfg, options or {}, unread)
    return cfg


def merge_options(cfg: Config, options: Mapping[str, Any], unread: Sequence[str] | None = None) -> None:
    """Replace values of a run's config, like ``--cfg-options``.

    ``pretrained`` of a CLIP, in the config or in an option, becomes ``weights``.

    Args:
        cfg: The config, changed in place.
        options: Values by dotted keys.
        unread: Top-level keys that the config's files do not use; None if unknown.

    Raises:
        ValueError: An option has no effect, or cannot be set at its place.
    """
    _name_weights(cfg)
    for key, value in options.items():
        _check_option(cfg, key, unread)
        try:
            cfg.merge_from_dict({key: value})
            _name_weights(cfg)
        except (TypeError, KeyError, AttributeError, IndexError, AssertionError, ValueError) as error:
            raise ValueError(f'--cfg-options {key}={value!r}: {_text(error)}') from error


def _name_weights(cfg: Config) -> None:
    """Rename ``pretrained``, the older name of the weights of CLIP, which MMAction2's functions delete."""
    model = cfg.get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    if not isinstance(backbone, dict) or 'pretrained' not in backbone:
        return
    if str(backbone.get('type')).endswith('CLIP'):
        backbone['weights'] = backbone.pop('pretrained')


@contextmanager
def config_errors(cfg: Config) -> Iterator[None]:
    """Add the config key to errors that are raised while a part is built from the config.

    Other errors pass unchanged: an error during the run may be a bug of ours and keeps its traceback.

    Raises:
        ValueError: Replaces an error of building.
    """
    try:
        yield
    except OSError:
        raise  # it names a file already
    except Exception as error:
        place = _place_of_building(error, cfg)
        message = _text(error)
        if place is None or (isinstance(error, ValueError) and place in message):
            raise
        plain = isinstance(error, ValueError | KeyError | AssertionError | ImportError)
        raise ValueError(f'{place}: {message if plain else f"{type(error).__name__}: {message}"}') from error


def _read(path: Path) -> Config:
    try:
        if path.suffix in ('.json', '.yaml', '.yml') and path.is_file():
            content = load(str(path))
            if not isinstance(content, dict):
                raise ValueError(f'it holds {type(content).__name__}, not keys and values')
        return Config.fromfile(path)
    except OSError as error:
        raise type(error)(f'config {path}: {_text(error)}') from error
    except RecursionError as error:
        raise ValueError(f'{path} is not a valid config: its _base_ files form a cycle') from error
    except (Exception, SystemExit) as error:  # a config is code, and may raise anything
        name = '' if type(error) is ValueError else f'{type(error).__name__}: '
        raise ValueError(f'{_line_of(error, path)} is not a valid config: {name}{_text(error)}') from error


def _line_of(error: BaseException, path: Path) -> str:
    """Give the config file (or base) and the line that raised an error."""
    place = str(path)
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == '<module>' and '_base_' in frame.f_globals:
            place = f'{frame.f_code.co_filename}, line {line},'
    return place


def _text(error: BaseException) -> str:
    """Give the message of an error as one line, shortened if necessary."""
    said = error.args[0] if isinstance(error, KeyError) and error.args else error
    line = ' '.join(str(said).split())
    if not line:
        last = traceback.extract_tb(error.__traceback__)[-1]
        line = f'{type(error).__name__} at {last.line!r}'
    return line if len(line) <= MOST_CHARACTERS else f'{line[:MOST_CHARACTERS]} ...'


def _unread(cfg: Config) -> list[str]:
    """List the top-level keys that neither a run nor other lines of the files read."""
    # MMAction2's functions read test_pipeline.
    known = runner_keys() | {'test_pipeline'}
    keys = [key for key in cfg if key not in known and not key.startswith('_')]
    text = re.sub(r'#.*|^/.*\.(py|json|ya?ml)$', '', cfg.text, flags=re.MULTILINE)  # it contains file names
    return [
        key for key in keys if not re.search(rf'(?<!\w){key}\b(?!\s*=[^=])|(?<=[(\s,]){key}=(?!=)\S', text)
    ]


def _all_keys(config: Any) -> set[str]:
    """Collect the keys of a run's config at all depths."""
    if isinstance(config, Config):
        return set().union(*(_all_keys(config[key]) for key in runner_keys() if key in config))
    if isinstance(config, dict):
        return {str(key) for key in config}.union(*map(_all_keys, config.values()))
    if isinstance(config, list | tuple):
        return set().union(*map(_all_keys, config))
    return set()


def _check_option(cfg: Config, key: str, unread: Sequence[str] | None) -> None:
    """Raise a ValueError for an option that no run reads."""
    first = key.split('.')[0]
    if first in runner_keys() or first in (unread or ()):
        return
    if first not in cfg:
        like = nearest(first, runner_keys() | _all_keys(cfg))
        meant = f'; did you mean {like!r}?' if like else ''
        raise ValueError(f'--cfg-options {key}: nothing reads the key {first!r}{meant}')
    places = [
        place for place, value in _parts(cfg) if value == cfg[first] and value not in (None, True, False)
    ]
    instead = f'; set {" and ".join(places[:2])} instead' if places else ''
    raise ValueError(
        f'--cfg-options {key}: {first} is a variable of the config file, and the keys that use it have '
        f'their values already{instead}'
    )


def _parts(config: Any, place: str = '') -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of everything that a run reads."""
    if isinstance(config, Config):
        items = ((key, config[key]) for key in config if key in runner_keys())
    elif isinstance(config, dict):
        items = config.items()
    elif isinstance(config, list | tuple):
        items = enumerate(config)
    else:
        return
    for key, value in items:
        inner = f'{place}.{key}' if place else str(key)
        yield inner, value
        yield from _parts(value, inner)


def _place_of_building(error: BaseException, cfg: Config) -> str | None:
    """Give the key of the part under construction when an error was raised; None if there was no part."""
    from mmengine.runner import runner as runner_module

    place = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename == build_functions.__file__ and isinstance(frame.f_locals.get('cfg'), dict):
            place = _place_of(frame.f_locals['cfg'], cfg)
        elif code.co_filename == runner_module.__file__ and place is None:
            if _BUILDS.match(code.co_name):
                place = cfg.filename or 'config'
            elif frame.f_locals.get('fn_name') in ('before_run', 'before_train', 'before_test'):
                place = _place_of_hook(frame.f_locals.get('hook'), cfg)
    return place


def _place_of_hook(hook: Any, cfg: Config) -> str:
    """Give the dotted key and the type of a hook that prepares a run."""
    name = type(hook).__name__
    hooks = (place for place, value in _parts(cfg) if isinstance(value, dict) and value.get('type') == name)
    return f'{next(hooks, "hooks")} ({name})'


def _place_of(built: dict[str, Any], cfg: Config) -> str:
    """Give the dotted key and the type of a part under construction."""
    kind = built.get('type')
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', str(kind))
    places = [
        place
        for place, value in _parts(cfg)
        if isinstance(value, dict) and value.get('type') == kind and _made_of(built, value)
    ]
    return f'{places[0]} ({name})' if places else f'{name}'


def _made_of(built: dict[str, Any], config: dict[str, Any]) -> bool:
    """Tell whether a part was built from a config; arguments may have been added."""
    plain = (str, int, float, list, tuple, dict)
    return all(
        key in built and (built[key] == value or not isinstance(built[key], plain))
        for key, value in config.items()
        if not isinstance(value, dict | list)
    )
