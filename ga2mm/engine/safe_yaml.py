"""YAML is data: MMEngine's own reader of YAML configs would make any object and call any function in one."""

from typing import Any

import yaml
from mmengine.fileio import YamlHandler, register_handler


class _Loader(yaml.SafeLoader):
    """Plain values, and the tuples that MMEngine's own dumps have."""


_Loader.add_constructor(
    'tag:yaml.org,2002:python/tuple', lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


@register_handler(['yaml', 'yml'])
class SafeYamlHandler(YamlHandler):
    """Reads YAML that holds plain values, wherever MMEngine reads YAML.

    Raises:
        ValueError: It holds something else, or is no YAML.
    """

    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        """As in MMEngine, without running anything."""
        try:
            return yaml.load(file, Loader=_Loader)
        except yaml.YAMLError as error:
            raise ValueError(f'no YAML of plain values: {" ".join(str(error).split())}') from error
