"""A frozen or tuned CLIP, independent of the tuning method."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ga2mm.models.clip.block import Prompts, recomputed_layers
from ga2mm.models.clip.compiled import compiled_towers
from ga2mm.models.clip.identity import clip_identity, same_clip
from ga2mm.models.clip.loading import load_clip
from ga2mm.models.clip.text_layout import (
    PLACEHOLDER,
    TextLayout,
    chunks,
    pooled_positions,
    prompt_of_chunk,
    text_pool_type,
)
from ga2mm.registry import MODELS
from ga2mm.utils import at_least_float32

MAX_LAYOUTS = 256
"""Number of lists of texts whose arrangement is kept."""


@MODELS.register_module()
class OpenCLIP(nn.Module):
    """An OpenCLIP model whose towers take prompts.

    A frozen CLIP is not part of the module tree, so its parameters are in no optimizer group, no checkpoint
    and no gradient bucket of distributed training. ``.to()`` and ``.half()`` still apply to it.

    A tuned CLIP is part of the module tree under the name ``model``. All its parameters are learnt except the
    token embeddings. The logit scale is learnt too, without a bound. Source: full fine-tuning in the code
    released with ViFi-CLIP (arXiv 2212.03640).

    Args:
        arch: A ViT architecture that OpenCLIP knows (``'ViT-B-16-quickgelu'``), ``'local-dir:DIR'`` or
            ``'hf-hub:ORG/REPO'``, OpenCLIP's names for sources of both architecture and weights,
            ``'miniature'``, or a dict in the form of OpenCLIP's model configs.
        weights: One of OpenCLIP's tags (``'openai'``), a file (OpenAI's TorchScript archive, a
            ``.pt`` or ``.safetensors`` state dict), ``'miniature'`` or ``'random'`` for untrained weights
            with a fixed seed. None with ``local-dir:`` and ``hf-hub:``.
        quick_gelu: Whether a file's weights use QuickGELU. Needed if neither file nor ``arch`` states it.
        cache_dir: Folder for OpenCLIP's downloads.
        grad_checkpointing: What the backward pass computes again, for less memory and more time:
            ``'none'``, ``'text'`` for the text tower, ``'all'`` for both towers, or a number of layers of
            each tower, counted from the input. True is ``'all'``, False is ``'none'``, as in OpenCLIP.
        frozen: Whether the weights stay fixed; False to tune both towers, in float32.
        compile: Whether to compile both towers, or the arguments of ``torch.compile``.
        pretrained: OpenCLIP's name for ``weights``, which it replaces. MMAction2's functions set it to None.

    Raises:
        ValueError: Weights, architecture and activation do not fit together, or a tower takes no prompts.
    """

    def __init__(
        self,
        arch: str | dict[str, Any],
        weights: str | None = None,
        quick_gelu: bool | None = None,
        cache_dir: str | None = None,
        grad_checkpointing: bool | int | Literal['none', 'text', 'all'] = 'none',
        frozen: bool = True,
        compile: bool | dict[str, Any] = False,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self._encode_text, self._encode_frames = compiled_towers(compile)
        model, tokenizer, known_tokens = load_clip(arch, pretrained or weights, quick_gelu, cache_dir)
        self._set_model(model, tokenizer, known_tokens)
        self.name = arch if isinstance(arch, str) else 'custom'
        self._recomputed = recomputed_layers(grad_checkpointing, self.vision_layers, self.text_layers)
        self.identity = clip_identity(self.name, model)

    def _set_model(
        self, model: nn.Module, tokenizer: Callable[..., Tensor], known_tokens: Tensor | None
    ) -> None:
        model = model.float().eval().requires_grad_(not self.frozen)
        # Bypasses nn.Module's attribute handling: see the class docstring.
        object.__setattr__(self, 'text_tower', getattr(model, 'text', model))
        if self.frozen:
            object.__setattr__(self, 'model', model)
        else:
            self.model = model
            self.text_tower.token_embedding.requires_grad_(False)
            if getattr(model, 'logit_bias', None) is not None:
                model.logit_bias.requires_grad_(False)  # our logits do not use it, so it has no gradient
        self.tokenizer = tokenizer
        self.known_tokens = known_tokens
        self._frozen_text: dict[tuple[tuple[str, ...], ...], Tensor] = {}
        self._layouts: dict[tuple, TextLayout] = {}

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
        """Maximum number of tokens of a text, including prompts."""
        return self.text_tower.context_length

    @property
    def embed_dim(self) -> int:
        """Number of dimensions of the features of both towers."""
        return self.model.visual.output_dim

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
        """Encode normalised frames (N, 3, H, W) to features (N, embed_dim), not normalised.

        Raises:
            ValueError: The frames do not have the image size of this CLIP.
        """
        self._check_size(frames)
        return self._encode_frames(self.model.visual, frames, prompts, self._recomputed['vision'])[0]

    def encode_frames_and_layers(self, frames: Tensor, prompts: Prompts = ()) -> tuple[Tensor, list[Tensor]]:
        """Encode like :meth:`encode_frames`; also give each layer's patch tokens (N, patches, width)."""
        self._check_size(frames)
        recomputed = self._recomputed['vision']
        return self._encode_frames(self.model.visual, frames, prompts, recomputed, with_layers=True)

    def _check_size(self, frames: Tensor) -> None:
        if tuple(frames.shape[-2:]) != tuple(self.image_size):
            height, width = self.image_size
            raise ValueError(
                f'frames are {frames.shape[-2]}x{frames.shape[-1]} pixels, but CLIP {self.name} takes '
                f'{height}x{width}: set the sizes of Resize and CenterCrop in the pipelines'
            )

    def encode_tokens(self, tokens: Tensor, prompts: Prompts = (), max_texts: int = 512) -> Tensor:
        """Encode token ids with prompts, which may depend on the text or the clip.

        If prompts depend on the clip, each pair of clip and text is a text. Many texts are encoded in chunks,
        of which the backward pass recomputes the activations, so it needs the memory of one chunk.

        Args:
            tokens: Token ids (N, L) as :meth:`tokenize` gives them.
            prompts: Prompts of the layers, each None, (length, width), (N, length, width) or (B, 1 or N,
                length, width) with B clips.
            max_texts: Maximum number of texts in a chunk.

        Returns:
            Features (N, embed_dim), or (B, N, embed_dim) if prompts depend on the clip; not normalised.
        """
        num_clips = next((len(one) for one in prompts if one is not None and one.dim() == 4), None)
        size = min(num_clips or 1, max_texts)
        clips, texts = chunks(num_clips or 1, size), chunks(len(tokens), max_texts // size)
        encode = self._encode_chunk
        if len(clips) * len(texts) > 1 and torch.is_grad_enabled():
            encode = partial(checkpoint, encode, use_reentrant=False)
        rows = [torch.cat([encode(tokens, prompts, c, t) for t in texts], dim=1) for c in clips]
        features = torch.cat(rows)
        return features[0] if num_clips is None else features

    def _encode_chunk(self, tokens: Tensor, prompts: Prompts, clips: slice, texts: slice) -> Tensor:
        """Encode some texts for some clips to features (clips or 1, texts, embed_dim)."""
        chosen = [prompt_of_chunk(prompt, clips, texts) for prompt in prompts]
        shared = all(one is None or one.dim() == 2 or one.shape[-3] == 1 for one in chosen)
        layout = self._layout(tokens[texts], shared)
        return self._encode_text(self.text_tower, layout, chosen, self._recomputed['text'])

    def _layout(self, tokens: Tensor, shared_prompts: bool) -> TextLayout:
        """Arrange texts, once for each list of texts."""
        tokens = tokens.cpu()
        key = tokens.numpy().tobytes(), tokens.shape, shared_prompts, self.device
        if key not in self._layouts:
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.pop(next(iter(self._layouts)))
            causal = self.text_tower.attn_mask is not None
            # Training uses the layout too, so it must not hold inference tensors.
            with torch.inference_mode(False):
                pooled = pooled_positions(self.text_tower, tokens)
                self._layouts[key] = TextLayout(tokens.clone(), pooled, causal, shared_prompts, self.device)
        return self._layouts[key]

    def text_features(self, names: Sequence[str], templates: Sequence[str] = ('{}',)) -> Tensor:
        """Encode names in templates, without prompts, to unit features (names, embed_dim).

        The features of a name in several templates are averaged, then scaled to unit length. In a tuned CLIP
        they have a gradient.
        """
        texts = [template.replace('{}', name) for template in templates for name in names]
        features = self.encode_tokens(self.tokenize(texts)).unflatten(0, (len(templates), -1)).mean(dim=0)
        return F.normalize(at_least_float32(features), dim=-1)

    def frozen_text_features(self, names: Sequence[str], templates: Sequence[str] = ('{}',)) -> Tensor:
        """Encode like :meth:`text_features`, once for each list of names and templates.

        Raises:
            RuntimeError: This CLIP is tuned, so its features change.
        """
        if not self.frozen:
            raise RuntimeError('a tuned CLIP has no frozen text features: take text_features, or the teacher')
        key = tuple(names), tuple(templates)
        if key not in self._frozen_text:
            # Training uses the cached features too, so they must not be inference tensors.
            no_autocast = torch.autocast(self.device.type, enabled=False)
            with torch.inference_mode(False), torch.no_grad(), no_autocast:
                self._frozen_text[key] = self.text_features(names, templates)
        return self._frozen_text[key]

    def learnt_text_weights(self) -> list[Tensor]:
        """List the weights of the text tower that are tuned; empty for a frozen CLIP."""
        weights = [] if self.frozen else self.model.named_parameters()
        return [weight for name, weight in weights if weight.requires_grad and not name.startswith('visual.')]

    def tokenize(self, texts: Sequence[str], prompt_length: int = 0, class_position: str = 'end') -> Tensor:
        """Tokenize texts, insert placeholders for a prompt, and cut to the longest text.

        In a causal tower that pools at the end token, tokens after it do not change the feature, so cutting
        is exact. Other towers get the full context length.

        Args:
            texts: The texts, without placeholders.
            prompt_length: Number of placeholders to insert.
            class_position: Position of the text: ``'end'``, after all placeholders; ``'front'``, before all;
                ``'middle'``, after the first half (rounded down). The full stop of the text and the end token
                always come last.

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
        before = {'end': prompt_length, 'middle': prompt_length // 2, 'front': 0}[class_position]
        placeholders = tokens.new_full((prompt_length,), PLACEHOLDER)
        rows = []
        for row, end in zip(tokens, ends.tolist(), strict=True):
            stop = max(1, end - 2)
            parts = [row[:1], placeholders[:before], row[1:stop], placeholders[before:], row[stop:]]
            rows.append(torch.cat(parts))
        return torch.stack(rows)[:, : length if self._may_cut else self.context_length]

    def embed_words(self, words: str) -> Tensor:
        """Give the token embeddings (tokens, text width) of words, without start and end token."""
        tokens = self.tokenizer([words], context_length=10 * self.context_length)
        end = int(self._ends(tokens)[0])
        return self.text_tower.token_embedding(tokens[0, 1 : end - 1].to(self.device))

    @property
    def device(self) -> torch.device:
        """The device of the CLIP."""
        return self.model.logit_scale.device

    @property
    def _may_cut(self) -> bool:
        return self.text_tower.attn_mask is not None and text_pool_type(self.text_tower) != 'last'

    def _ends(self, tokens: Tensor) -> Tensor:
        """Give the number of tokens of each text, including its end token."""
        if text_pool_type(self.text_tower) == 'argmax':
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
        if self.frozen:
            self.model._apply(fn)
        self._frozen_text.clear()
        return self

    def get_extra_state(self) -> Tensor:
        """Give the identity of this CLIP before tuning, as the bytes of a string."""
        return torch.tensor(list(self.identity.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Check that a checkpoint was trained on this CLIP.

        Raises:
            ValueError: It was trained on another CLIP.
        """
        is_string = isinstance(state, Tensor) and state.dtype == torch.uint8 and state.dim() == 1
        identity = bytes(state.tolist()).decode(errors='replace') if is_string else ''
        self.check_identity(identity, 'the checkpoint')

    def check_identity(self, identity: str, what: str) -> None:
        """Raise a ValueError if ``identity`` is not this CLIP's; ``what`` names the loaded object."""
        if not same_clip(identity, self.identity):
            raise ValueError(
                f'{what} belongs to CLIP {identity!r}, the config builds {self.identity!r}: set '
                'model.backbone to the architecture and the weights that it was trained on'
            )
