"""Build the parts of a model from their configs."""

import inspect
from typing import Any

from mmengine.registry import Registry
from torch import nn


def build_part(registry: Registry, config: dict[str, Any], **given: Any) -> nn.Module:
    """Build a part of a model from its config.

    The model passes the values that only it knows, such as the width of a tower, to keyword-only arguments
    of the part's constructor. An argument is passed if ``given`` has an entry of its name. The config gives
    all other arguments.

    Args:
        registry: The registry that holds the config's ``type``.
        config: The config.
        **given: Values of the model. Prompt learners can take ``width`` and ``layers`` of their tower,
            ``embed_dim``, ``vision_width``, ``vision_layers``, ``embed_words`` (text tower only),
            ``text_prompts``, ``text_width`` and ``text_depth`` (vision tower only). Couplings can take
            ``length``, ``width``, ``clip_identity``, and temporal models and objectives ``embed_dim``.

    Raises:
        ValueError: The type is not registered.
    """
    kind = registry.get(config['type']) if isinstance(config['type'], str) else config['type']
    if kind is None:
        raise ValueError(f'{config["type"]!r} is not in the registry of {registry.name}')
    asked = {
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name in given
    }
    return registry.build(dict(config, **{name: given[name] for name in asked}))
