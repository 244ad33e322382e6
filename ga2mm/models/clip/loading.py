"""Loading of a CLIP, with a check that architecture, weights, activation and tokenizer fit together."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transformer import TextTransformer, VisionTransformer
from torch import Tensor, nn

from ga2mm.models.clip.download import check_reachable
from ga2mm.models.clip.text_layout import text_pool_type
from ga2mm.models.clip.weights import Weights, read_weights
from ga2mm.tensor_files import check_tensors

MINIATURE = Path(__file__).parents[2] / 'miniature' / 'assets'
"""The tiny CLIP that the package ships: ``arch='miniature', pretrained='miniature'``."""

WEIGHT_SUFFIXES = ('.safetensors', '.bin', '.pth')
"""Suffixes of the files from which OpenCLIP may read weights in a ``local-dir:``."""

OF_THE_CONFIG = 'of the config'
"""The name of an architecture that is a dict, in error messages."""


def has_own_weights(arch: str | dict[str, Any]) -> bool:
    """Tell whether an architecture names a model with its weights: ``local-dir:DIR`` or ``hf-hub:MODEL``."""
    return isinstance(arch, str) and arch.startswith(('local-dir:', 'hf-hub:'))


def load_clip(
    arch: str | dict[str, Any],
    pretrained: str | None,
    quick_gelu: bool | None,
    cache_dir: str | None,
) -> tuple[nn.Module, Callable[..., Tensor], Tensor | None]:
    """Give the model, its tokenizer and the ids of the tokens with trained embeddings (None: all)."""
    if has_own_weights(arch):
        if pretrained is not None or quick_gelu is not None:
            raise ValueError(
                f'backbone.arch={arch!r} has its own weights and activation: leave out weights and quick_gelu'
            )
        if arch.startswith('local-dir:'):
            _check_folder(Path(arch.removeprefix('local-dir:')), arch)
        model = _create(arch, None, cache_dir)
        return model, open_clip.get_tokenizer(arch, cache_dir=cache_dir), None

    if arch == 'miniature':
        config = json.loads((MINIATURE / 'miniature.json').read_text())
        tokenizer = _simple_tokenizer()
    elif isinstance(arch, dict):
        config, tokenizer = dict(arch), _simple_tokenizer()
    else:
        config = open_clip.get_model_config(arch)
        if config is None:
            raise ValueError(
                f'backbone.arch={arch!r} is not an architecture of OpenCLIP: '
                'open_clip.list_models() lists them'
            )
        tokenizer = None
    name = arch if isinstance(arch, str) else OF_THE_CONFIG
    _check_config(config, name)
    known_tags = ', '.join(open_clip.list_pretrained_tags_by_model(name)) or 'none for this name'

    tag = open_clip.get_pretrained_cfg(name, pretrained) if pretrained else {}
    if tag:
        stated = bool(tag.get('quick_gelu', False))
        _check_statement(quick_gelu, stated, f'tag {pretrained!r}')
        _check_activation(name, config, stated, f'tag {pretrained!r}')
        model = _create(name, pretrained, cache_dir)
        return model, open_clip.get_tokenizer(name, cache_dir=cache_dir), None

    if pretrained is None:
        raise ValueError(
            f"backbone.weights is missing for {name}: give one of OpenCLIP's tags "
            f'({known_tags}), a file, '
            "or 'random' for untrained weights"
        )
    weights = None
    if pretrained != 'random':
        weights = _read(name, pretrained)
        _check_file_activation(name, config, weights, quick_gelu, pretrained)
    model = _build(config, name)
    if weights is not None:
        _load_strictly(model, weights.state_dict, name, pretrained)
    tokenizer = tokenizer or open_clip.get_tokenizer(name, cache_dir=cache_dir)
    return model, tokenizer, weights.known_tokens if weights else None


@cache
def _simple_tokenizer() -> open_clip.SimpleTokenizer:
    """Give OpenAI's tokenizer, which all CLIPs share: making one takes longer than a small CLIP."""
    return open_clip.SimpleTokenizer()


def _check_folder(folder: Path, name: str) -> None:
    """Check the files that OpenCLIP reads from a folder: the config and the weights."""
    if not folder.is_dir():
        raise FileNotFoundError(f'backbone.arch={name!r}: there is no folder {folder}')
    path = folder / 'open_clip_config.json'
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not a JSON file: {error}') from error
    if not isinstance(config, dict) or not isinstance(config.get('model_cfg'), dict):
        raise ValueError(f"{path} has no dict under model_cfg: write it as OpenCLIP's save_pretrained does")
    _check_config(config['model_cfg'], name)
    for suffix in WEIGHT_SUFFIXES:
        for file in sorted(folder.glob(f'*{suffix}')):
            read_weights(file)


def weights_of(backbone: Mapping[str, Any]) -> Any:
    """Give the weights that the config of a backbone names, under ``weights`` or ``pretrained``."""
    return backbone.get('pretrained') or backbone.get('weights')


def weights_file(pretrained: str) -> Path:
    """Give the weights file that ``pretrained`` names; it does not exist if ``pretrained`` is a tag."""
    return MINIATURE / 'miniature.safetensors' if pretrained == 'miniature' else Path(pretrained)


def _read(name: str, pretrained: str) -> Weights:
    path = weights_file(pretrained)
    if not path.exists() and not path.suffix:
        tags = ', '.join(open_clip.list_pretrained_tags_by_model(name)) or 'none for this name'
        raise ValueError(
            f'backbone.weights={pretrained!r} is neither a file nor a tag of {name}: its tags are {tags}'
        )
    return read_weights(path)


def _create(name: str, tag: str | None, cache_dir: str | None) -> nn.Module:
    if not name.startswith('local-dir:'):
        check_reachable(name, tag, cache_dir)
    try:
        model = open_clip.create_model(
            name, tag, precision='fp32', cache_dir=cache_dir, require_pretrained=True
        )
    except RuntimeError as error:
        raise ValueError(f'backbone.arch={name!r}, backbone.weights={tag!r}: {error}') from error
    _check_supported(model, name)
    check_tensors(model.state_dict(), f'the weights of {name}' + (f' {tag}' if tag else ''))
    return model


def _is_native(config: dict[str, Any]) -> bool:
    return (
        'multimodal_cfg' not in config
        and 'timm_model_name' not in config['vision_cfg']
        and 'hf_model_name' not in config['text_cfg']
        and isinstance(config['vision_cfg'].get('layers', 12), int)
    )


def takes_prompts(arch: str) -> bool:
    """Tell whether the towers of one of OpenCLIP's architectures take prompts."""
    config = open_clip.get_model_config(arch)
    return config is not None and _is_native(config)


def _check_config(config: dict[str, Any], name: str) -> None:
    if not all(isinstance(config.get(key), dict) for key in ('vision_cfg', 'text_cfg')):
        raise ValueError(f'backbone.arch={name!r} needs the dicts vision_cfg and text_cfg')
    if not _is_native(config):
        raise ValueError(_no_prompts(name))


def _build(config: dict[str, Any], name: str) -> nn.Module:
    config = dict(config)
    custom_text = config.pop('custom_text', False)
    model_class = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # makes untrained weights reproducible
        model = model_class(**config)
    _check_supported(model, name)
    return model


def _check_supported(model: nn.Module, name: str) -> None:
    text = getattr(model, 'text', model)
    native = isinstance(text, TextTransformer | open_clip.CLIP)
    if (
        not isinstance(model.visual, VisionTransformer)
        or not native
        or getattr(text, 'cls_emb', None) is not None
        or getattr(text, 'use_pad_mask', False)
        or text_pool_type(text) == 'none'
    ):
        raise ValueError(_no_prompts(name))


def _no_prompts(name: str) -> str:
    return (
        f"backbone.arch={name!r} has a tower that takes no prompts: choose one of OpenCLIP's ViT-* "
        'architectures (no CoCa, timm, ResNet or Hugging Face text tower)'
    )


def _check_activation(name: str, config: dict[str, Any], quick_gelu: bool, whose: str) -> None:
    if bool(config.get('quick_gelu', False)) == quick_gelu:
        return
    base = name.removesuffix('-quickgelu')
    if name == OF_THE_CONFIG:
        remedy = f'quick_gelu={quick_gelu} in the dict backbone.arch'
    else:
        remedy = f"backbone.arch='{base}-quickgelu'" if quick_gelu else f"backbone.arch='{base}'"
    raise ValueError(
        f'weights of {whose} were trained with {"QuickGELU" if quick_gelu else "GELU"}, but {name} uses '
        f'{"GELU" if quick_gelu else "QuickGELU"}: features would be silently wrong; set {remedy}'
    )


def _check_statement(quick_gelu: bool | None, stated: bool | None, whose: str) -> None:
    if None not in (quick_gelu, stated) and quick_gelu != stated:
        raise ValueError(
            f'backbone.quick_gelu={quick_gelu}, but {whose} was trained with quick_gelu={stated}: '
            'leave the key out'
        )


def _check_file_activation(
    name: str, config: dict[str, Any], weights: Weights, quick_gelu: bool | None, pretrained: str
) -> None:
    stated = weights.quick_gelu
    _check_statement(quick_gelu, stated, pretrained)
    if stated is None:
        stated = quick_gelu
    if stated is None and config.get('quick_gelu', False):
        stated = True  # a name that ends in -quickgelu states the activation
    if stated is None:
        with_quick_gelu = f"backbone.arch='{name}-quickgelu'"
        if name == OF_THE_CONFIG:
            with_quick_gelu = 'quick_gelu=True in the dict backbone.arch'
        raise ValueError(
            f'{pretrained} does not say which activation it was trained with: set '
            f"{with_quick_gelu} for OpenAI's weights and those tuned from them, or "
            'backbone.quick_gelu=False for weights trained with GELU'
        )
    _check_activation(name, config, stated, pretrained)


def _load_strictly(model: nn.Module, state_dict: dict[str, Tensor], name: str, pretrained: str) -> None:
    if 'positional_embedding' in state_dict and hasattr(model, 'text'):
        state_dict = open_clip.model.convert_to_custom_text_state_dict(state_dict)
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    scale = state_dict.get('logit_scale')
    if scale is not None and scale.numel() == 1 and 'logit_scale' in expected:
        state_dict = dict(state_dict, logit_scale=scale.reshape(expected['logit_scale']))
    found = {key: tuple(value.shape) for key, value in state_dict.items()}
    no_floats = [
        f'{key} holds {value.dtype}' for key, value in state_dict.items() if not value.is_floating_point()
    ]
    if found == expected and not no_floats:
        model.load_state_dict(state_dict)
        return
    problems = [f'{key} is missing' for key in expected.keys() - found.keys()]
    problems += [f'{key} is unknown' for key in found.keys() - expected.keys()]
    problems += [
        f'{key} has shape {found[key]}, not {shape}'
        for key, shape in expected.items()
        if found.get(key, shape) != shape
    ]
    problems += no_floats
    fitting = _fitting_architectures(found)
    raise ValueError(
        f'{pretrained} holds no weights for {name} ({len(problems)} differences, such as: '
        f'{"; ".join(sorted(problems)[:3])}). '
        + (f'It fits backbone.arch={fitting}' if fitting else "Is it a CLIP's state dict?")
    )


def _fitting_architectures(shapes: dict[str, tuple[int, ...]]) -> str:
    """List the names of OpenCLIP's architectures whose towers have these shapes."""
    patches, projection = shapes.get('visual.conv1.weight'), shapes.get('text_projection')
    positions = shapes.get('visual.positional_embedding')
    if not (patches and projection and positions):
        return ''
    names = []
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name)
        vision, text = config['vision_cfg'], config['text_cfg']
        patch, size = vision.get('patch_size'), vision.get('image_size')
        if (
            _is_native(config)
            and isinstance(size, int)
            and patch
            and (vision.get('width'), patch) == (patches[0], patches[-1])
            and (text.get('width'), config['embed_dim']) == projection
            and (size // patch) ** 2 + 1 == positions[0]
        ):
            names.append(repr(name))
    return ' or '.join(names)
