"""The frozen CLIP, written once; it knows no method."""

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transformer import TextTransformer, VisionTransformer
from torch import Tensor, nn

from ga2mm.models.clip import towers
from ga2mm.models.clip.identity import clip_identity, same_clip
from ga2mm.models.clip.towers import Prompts
from ga2mm.models.clip.weights import Weights, read_weights
from ga2mm.registry import MODELS

MINIATURE = Path(__file__).parents[2] / 'miniature' / 'assets'
"""The tiny CLIP that the package ships: ``arch='miniature', pretrained='miniature'``."""

OF_THE_CONFIG = 'of the config'
"""What errors call an architecture that is a dict."""


@MODELS.register_module()
class OpenCLIP(nn.Module):
    """A frozen OpenCLIP model whose towers take prompts.

    The CLIP is not part of the module tree: its parameters are in no optimizer group, in no checkpoint
    and in no gradient bucket of distributed training, whatever the config. ``.to()`` and ``.half()``
    reach it all the same.

    Args:
        arch: A ViT architecture that OpenCLIP knows (``'ViT-B-16-quickgelu'``), ``'local-dir:DIR'`` or
            ``'hf-hub:ORG/REPO'``, OpenCLIP's names for places that hold both architecture and weights,
            ``'miniature'``, or a dict in the form of OpenCLIP's model configs.
        pretrained: One of OpenCLIP's tags (``'openai'``), a file (OpenAI's TorchScript archive, a
            ``.pt`` or ``.safetensors`` state dict), ``'miniature'`` or ``'random'`` for untrained
            weights, the same each time. None with ``local-dir:`` and ``hf-hub:``.
        quick_gelu: Whether the weights of a file were trained with QuickGELU. Needed only where neither
            the file nor the architecture's name says so.
        cache_dir: Where OpenCLIP keeps what it downloads.
        grad_checkpointing: Recompute activations in the backward pass: less memory, more time.

    Raises:
        ValueError: Weights, architecture and activation do not belong together, or the architecture has
            no towers that take prompts.
    """

    def __init__(
        self,
        arch: str | dict[str, Any],
        pretrained: str | None = None,
        quick_gelu: bool | None = None,
        cache_dir: str | None = None,
        grad_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        model, tokenizer, known_tokens = _load(arch, pretrained, quick_gelu, cache_dir)
        self._set_model(model, tokenizer, known_tokens)
        self.name = arch if isinstance(arch, str) else 'custom'
        self.grad_checkpointing = grad_checkpointing
        self.identity = clip_identity(self.name, model)

    def _set_model(
        self, model: nn.Module, tokenizer: Callable[..., Tensor], known_tokens: Tensor | None
    ) -> None:
        model = model.float().eval().requires_grad_(False)
        # Past nn.Module's own attribute handling: see the class docstring.
        object.__setattr__(self, 'model', model)
        object.__setattr__(self, 'text_tower', getattr(model, 'text', model))
        self.tokenizer = tokenizer
        self.known_tokens = known_tokens
        self._frozen_text: dict[tuple[str, ...], Tensor] = {}

    @property
    def vision_width(self) -> int:
        """Width of the vision tower's tokens."""
        return self.model.visual.transformer.width

    @property
    def vision_layers(self) -> int:
        """Number of layers of the vision tower."""
        return len(self.model.visual.transformer.resblocks)

    @property
    def text_width(self) -> int:
        """Width of the text tower's tokens."""
        return self.text_tower.transformer.width

    @property
    def text_layers(self) -> int:
        """Number of layers of the text tower."""
        return len(self.text_tower.transformer.resblocks)

    @property
    def context_length(self) -> int:
        """Most tokens that a text may have, prompts included."""
        return self.text_tower.context_length

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.model.visual.image_size

    @property
    def logit_scale(self) -> Tensor:
        """The scale of the logits, a scalar."""
        return self.model.logit_scale.exp().reshape(())

    @property
    def pixel_mean_std(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of the channels, in units of 0 to 255."""
        config = open_clip.get_model_preprocess_cfg(self.model)
        mean = config.get('mean', open_clip.OPENAI_DATASET_MEAN)
        std = config.get('std', open_clip.OPENAI_DATASET_STD)
        return [255 * value for value in mean], [255 * value for value in std]

    def encode_frames(self, frames: Tensor, prompts: Prompts = ()) -> Tensor:
        """Features (N, embed_dim), not normalised, of normalised frames (N, 3, H, W).

        Raises:
            ValueError: The frames' size is not the one that this CLIP takes.
        """
        if tuple(frames.shape[-2:]) != tuple(self.image_size):
            height, width = self.image_size
            raise ValueError(
                f'frames are {frames.shape[-2]}x{frames.shape[-1]} pixels, but CLIP {self.name} takes '
                f'{height}x{width}: set the sizes of Resize and CenterCrop in the pipelines'
            )
        return towers.encode_frames(self.model.visual, frames, prompts, self.grad_checkpointing)

    def encode_tokens(self, tokens: Tensor, prompts: Prompts = ()) -> Tensor:
        """Features (N, embed_dim), not normalised, of token ids (N, L) as :meth:`tokenize` gives them."""
        return towers.encode_text(self.text_tower, tokens, prompts, self.grad_checkpointing)

    @torch.no_grad()
    def frozen_text_features(self, texts: Sequence[str]) -> Tensor:
        """Unit features (texts, embed_dim) of texts without prompts, computed once per list of texts."""
        key = tuple(texts)
        if key not in self._frozen_text:
            tokens = self.tokenize(texts).to(self.device)
            # Kept for training too, so they may be no inference tensors.
            no_autocast = torch.autocast(self.device.type, enabled=False)
            with torch.inference_mode(False), torch.no_grad(), no_autocast:
                features = torch.cat([self.encode_tokens(chunk) for chunk in tokens.split(256)])
                self._frozen_text[key] = nn.functional.normalize(features, dim=-1)
        return self._frozen_text[key]

    def tokenize(self, texts: Sequence[str], prompt_length: int = 0) -> Tensor:
        """Token ids of texts, with placeholders for a prompt, cut to the longest text.

        Nothing behind the end of a text can change its feature in a causal tower that pools there, so
        cutting is exact; other towers get the full context length.

        Args:
            texts: The texts, without placeholders.
            prompt_length: How many placeholders to put behind the start token.

        Returns:
            Token ids of shape (texts, L).

        Raises:
            ValueError: A text and its prompt do not fit into the context length.
        """
        tokens = self.tokenizer(list(texts), context_length=10 * self.context_length)
        ends = self._ends(tokens)
        longest = int(ends.argmax())
        length = int(ends[longest]) + prompt_length
        if length > self.context_length:
            raise ValueError(
                f'{texts[longest]!r} with {prompt_length} prompt tokens has {length} tokens, but CLIP '
                f'{self.name} takes {self.context_length}: shorten the class name or the prompt'
            )
        self._warn_of_unknown_words(texts, tokens)
        placeholders = tokens.new_zeros(len(tokens), prompt_length)
        tokens = torch.cat([tokens[:, :1], placeholders, tokens[:, 1:]], dim=1)
        return tokens[:, : length if self._may_cut else self.context_length]

    def embed_words(self, words: str) -> Tensor:
        """Token embeddings (tokens, text width) of words, without start and end token."""
        tokens = self.tokenizer([words], context_length=10 * self.context_length)
        end = int(self._ends(tokens)[0])
        return self.text_tower.token_embedding(tokens[0, 1 : end - 1].to(self.device))

    @property
    def device(self) -> torch.device:
        """Where the CLIP is."""
        return self.model.logit_scale.device

    @property
    def _text_pool_type(self) -> str:
        return getattr(self.text_tower, 'text_pool_type', None) or self.text_tower.pool_type

    @property
    def _may_cut(self) -> bool:
        return self.text_tower.attn_mask is not None and self._text_pool_type != 'last'

    def _ends(self, tokens: Tensor) -> Tensor:
        """Number of tokens of each text up to and with its end token."""
        if self._text_pool_type == 'argmax':
            return tokens.argmax(dim=-1) + 1
        positions = torch.arange(1, tokens.shape[1] + 1)
        pad = getattr(self.text_tower, 'pad_id', 0)
        return ((tokens != pad) * positions).amax(dim=-1)

    def _warn_of_unknown_words(self, texts: Sequence[str], tokens: Tensor) -> None:
        if self.known_tokens is None:
            return
        unknown = ~torch.isin(tokens, self.known_tokens.to(tokens.dtype)) & (tokens != 0)
        if unknown.any():
            names = [text for text, row in zip(texts, unknown, strict=True) if row.any()]
            warnings.warn(
                f'CLIP {self.name} was never trained on some words of {len(names)} texts, such as '
                f'{names[0]!r}: their features carry no meaning',
                stacklevel=3,
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'OpenCLIP':
        super()._apply(fn, recurse)
        self.model._apply(fn)
        self._frozen_text.clear()
        return self

    def get_extra_state(self) -> Tensor:
        """The identity of this CLIP, as the bytes of a string: what a checkpoint keeps of it."""
        return torch.tensor(list(self.identity.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Check that a checkpoint was trained on this CLIP.

        Raises:
            ValueError: It was trained on another.
        """
        is_string = isinstance(state, Tensor) and state.dtype == torch.uint8 and state.dim() == 1
        identity = bytes(state.tolist()).decode(errors='replace') if is_string else ''
        self.check_identity(identity, 'the checkpoint')

    def check_identity(self, identity: str, what: str) -> None:
        """Raise a ValueError unless ``identity`` is this CLIP's. ``what`` names what is being loaded."""
        if not same_clip(identity, self.identity):
            raise ValueError(
                f'{what} belongs to CLIP {identity!r}, the config builds {self.identity!r}: set '
                'model.backbone to the architecture and the weights that it was trained on'
            )


def _load(
    arch: str | dict[str, Any],
    pretrained: str | None,
    quick_gelu: bool | None,
    cache_dir: str | None,
) -> tuple[nn.Module, Callable[..., Tensor], Tensor | None]:
    """Model, tokenizer and ids of the tokens that the model knows (None: all)."""
    if isinstance(arch, str) and arch.startswith(('local-dir:', 'hf-hub:')):
        if pretrained is not None or quick_gelu is not None:
            raise ValueError(
                f'backbone.arch={arch!r} brings weights and activation of its own: leave out '
                'pretrained and quick_gelu'
            )
        model = _create(arch, None, cache_dir)
        return model, open_clip.get_tokenizer(arch, cache_dir=cache_dir), None

    if arch == 'miniature':
        config = json.loads((MINIATURE / 'miniature.json').read_text())
        tokenizer = open_clip.SimpleTokenizer()
    elif isinstance(arch, dict):
        config, tokenizer = dict(arch), open_clip.SimpleTokenizer()
    else:
        config = open_clip.get_model_config(arch)
        if config is None:
            raise ValueError(
                f'backbone.arch={arch!r} is no architecture that OpenCLIP knows: '
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
            f"backbone.pretrained is missing for {name}: give one of OpenCLIP's tags "
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


def _read(name: str, pretrained: str) -> Weights:
    path = Path(pretrained)
    if pretrained == 'miniature':
        path = MINIATURE / 'miniature.safetensors'
    elif not path.exists() and not path.suffix:
        tags = ', '.join(open_clip.list_pretrained_tags_by_model(name)) or 'none for this name'
        raise ValueError(
            f'backbone.pretrained={pretrained!r} is neither a file nor a tag of {name}: its tags are {tags}'
        )
    return read_weights(path)


def _create(name: str, tag: str | None, cache_dir: str | None) -> nn.Module:
    try:
        model = open_clip.create_model(
            name, tag, precision='fp32', cache_dir=cache_dir, require_pretrained=True
        )
    except RuntimeError as error:
        raise ValueError(f'backbone.arch={name!r}, backbone.pretrained={tag!r}: {error}') from error
    _check_supported(model, name)
    return model


def _is_native(config: dict[str, Any]) -> bool:
    return (
        'multimodal_cfg' not in config
        and 'timm_model_name' not in config['vision_cfg']
        and 'hf_model_name' not in config['text_cfg']
        and isinstance(config['vision_cfg'].get('layers', 12), int)
    )


def _check_config(config: dict[str, Any], name: str) -> None:
    if not _is_native(config):
        raise ValueError(_no_prompts(name))


def _build(config: dict[str, Any], name: str) -> nn.Module:
    config = dict(config)
    custom_text = config.pop('custom_text', False)
    model_class = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # untrained weights are the same each time
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
        stated = True  # a name that ends in -quickgelu is a statement
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
    if found == expected:
        model.load_state_dict(state_dict)
        return
    problems = [f'{key} is missing' for key in expected.keys() - found.keys()]
    problems += [f'{key} is unknown' for key in found.keys() - expected.keys()]
    problems += [
        f'{key} has shape {found[key]}, not {shape}'
        for key, shape in expected.items()
        if found.get(key, shape) != shape
    ]
    fitting = _fitting_architectures(found)
    raise ValueError(
        f'{pretrained} holds no weights for {name} ({len(problems)} differences, such as: '
        f'{"; ".join(sorted(problems)[:3])}). '
        + (f'It fits backbone.arch={fitting}' if fitting else "Is it a CLIP's state dict?")
    )


def _fitting_architectures(shapes: dict[str, tuple[int, ...]]) -> str:
    """Names of OpenCLIP's architectures with towers of these shapes."""
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
