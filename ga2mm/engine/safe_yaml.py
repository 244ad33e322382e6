"""A safe YAML reader: MMEngine's own reader can create any object and call any function."""

from typing import Any

import yaml
from mmengine.fileio import YamlHandler, register_handler


class _Loader(yaml.SafeLoader):
    """A loader for plain values and for the tuples in MMEngine's own YAML files."""


_Loader.add_constructor(
    'tag:yaml.org,2002:python/tuple', lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


@register_handler(['yaml', 'yml'])
class SafeYamlHandler(YamlHandler):
    """Replaces MMEngine's YAML reader by one that accepts plain values only.

    Raises:
        ValueError: The file contains other values, or is not valid YAML.
    """

    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        """Load a file as MMEngine does, without executing code."""
        try:
            return yaml.load(file, Loader=_Loader)
        except yaml.YAMLError as error:
            raise ValueError(f'no YAML of plain values: {" ".join(str(error).split())}') from error
