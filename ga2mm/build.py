"""Build the parts of a model, each with what the model gives it."""

import inspect
from typing import Any

from mmengine.registry import Registry
from torch import nn


def build_part(registry: Registry, config: dict[str, Any], **given: Any) -> nn.Module:
    """Build a part of a model from its config.

    A part asks for what only the model knows, such as the width of a tower, by keyword-only arguments of its
    constructor: each that has the name of an entry of ``given`` is passed, the config gives all others.

    Args:
        registry: Where the config's ``type`` is registered.
        config: The config.
        **given: What the model gives to parts of this kind. Prompt learners: ``width`` and ``layers`` of
            their tower, ``embed_dim``, ``vision_width``, ``vision_layers``, ``embed_words`` (text tower
            only), ``text_prompts``, ``text_width`` and ``text_depth`` (vision tower only). Couplings:
            ``length``, ``width``, ``clip_identity``. Temporal models and objectives: ``embed_dim``.

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
