"""Command line options that training and test share: config, config options, folder and launcher.

MMEngine, which takes seconds to import, is imported when a config is read.
"""

import ast
import os
import re
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config


def run_parser(description: str | None, writes: str) -> ArgumentParser:
    """Make a parser for the config of a run and the run's folder.

    Args:
        description: Description of the tool.
        writes: Files that the tool writes into the folder, apart from logs.
    """
    parser = ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help=f'folder of logs and {writes} (default: work_dirs/CONFIG)')
    return parser


def add_config_options(parser: ArgumentParser) -> None:
    """Add ``--cfg-options`` to a parser."""
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, help='override config keys: key.sub=value'
    )


def parse_run(parser: ArgumentParser) -> Namespace:
    """Parse the command line of a run, including the launcher and the rank of this process.

    Launchers pass the rank as ``--local-rank``; MMEngine reads ``LOCAL_RANK``.
    """
    add_config_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by launchers')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def read_run(args: Namespace) -> 'Config':
    """Read the config of a command line and set its options, launcher and folder.

    Raises:
        OSError: The file does not exist or cannot be opened.
        ValueError: See :func:`~ga2mm.apis.read_config`.
    """
    from ga2mm.apis.config import read_config

    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    return cfg


class ConfigOptions(Action):
    """Action of ``--cfg-options``: MMEngine's ``key.sub=value``, plus lists and dicts in Python syntax.

    For example ``"visualizer.vis_backends=[dict(type='TensorboardVisBackend')]"``.

    Raises:
        ValueError: An option is not ``key=value``, or its brackets do not match.
    """

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        options = dict(getattr(namespace, self.dest, None) or {})
        for text in values:
            key, equals, value = text.partition('=')
            if not (key and equals):
                raise ValueError(f'{option_string} {text}: write key=value, such as randomness.seed=1')
            options[key] = self._value(value, f'{option_string} {text}')
        setattr(namespace, self.dest, options)

    @staticmethod
    def _value(text: str, place: str) -> Any:
        if re.search(r'dict\(|\{', text):
            try:
                return _evaluate(ast.parse(text.strip(), mode='eval').body)
            except (SyntaxError, ValueError) as error:
                raise ValueError(
                    f"{place}: {error}; write lists and dicts as in Python, names in quotes: [dict(type='A')]"
                ) from None
        from mmengine.config import DictAction

        try:
            return DictAction._parse_iterable(text)
        except (AssertionError, RecursionError):
            raise ValueError(f'{place}: the brackets do not match') from None


def _evaluate(node: ast.expr) -> Any:
    """Evaluate an expression of literals, lists, tuples and dicts, including ``dict(a=1)``."""
    if isinstance(node, ast.List):
        return [_evaluate(one) for one in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate(one) for one in node.elts)
    if isinstance(node, ast.Dict) and all(node.keys):
        return {_evaluate(key): _evaluate(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        if node.args or not all(keyword.arg for keyword in node.keywords):
            raise ValueError('dict(...) takes only key=value arguments')
        return {keyword.arg: _evaluate(keyword.value) for keyword in node.keywords}
    return ast.literal_eval(node)
