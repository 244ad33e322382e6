"""The encoder of class names."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import get_rank, get_world_size
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather

from ga2mm.models.clip import OpenCLIP
from ga2mm.models.clip.block import Prompts
from ga2mm.models.feature_cache import FeatureCache
from ga2mm.models.prompts import PromptLearner
from ga2mm.models.video_encoder import VideoTokens
from ga2mm.utils import at_least_float32

DEFAULT_TEMPLATE = 'a video of a person {}.'

MAX_LISTS = 16
"""Number of lists of names whose tokens are kept."""


class TextEncoder:
    """The text tower with its prompts and their coupling.

    With a prompt the text of a class is start, prompt, name, full stop, end; without one it is a template.
    The encoder owns no parameters: the CLIP belongs to the recognizer, prompt and coupling to the head.

    Args:
        clip: The CLIP.
        prompt: Prompt learner of the text tower; None for no prompt.
        coupling: Coupling of a hard prompt to the prompts; None for no coupling.
        templates: Texts for the tower without prompts, each with ``{}`` for the name. The features of several
            templates are averaged, then scaled to unit length.
        max_texts: Maximum number of texts in one pass if prompts depend on the clip; limits the memory.
        max_cached: Maximum number of cache entries in evaluation: lists of names, or conditions that clips
            share.
        shard_texts: Whether each process of distributed training encodes its share of the names and gets the
            others' features, with gradient. For prompts that do not depend on the clip. A dropout of the
            coupling is then drawn for each share.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        clip: OpenCLIP,
        prompt: PromptLearner | None = None,
        coupling: nn.Module | None = None,
        templates: Sequence[str] = (DEFAULT_TEMPLATE,),
        max_texts: int = 512,
        max_cached: int = 256,
        shard_texts: bool = False,
    ) -> None:
        if not templates or any(one.count('{}') != 1 for one in templates):
            raise ValueError(f'cls_head.template={templates!r} must contain {{}} once, for the class name')
        if max_texts < 1:
            raise ValueError(f'cls_head.max_texts={max_texts}: give 1 or more')
        if max_cached < 0:
            raise ValueError(f'cls_head.max_cached={max_cached}: give 0 or more')
        self.clip = clip
        self.prompt = prompt
        self.coupling = coupling
        self.templates = tuple(templates)
        self.max_texts = max_texts
        self.shard_texts = shard_texts
        self.cache = FeatureCache(max_cached)
        self._cached_with: list[Tensor] = []
        self._tokens: dict[tuple[str, ...], Tensor] = {}

    def prompts(self, names: Sequence[str] = (), condition: Any = None) -> Prompts:
        """Give the prompts of the layers, coupled to the hard prompt if there is a coupling."""
        prompts = self.prompt(names, condition)
        return prompts if self.coupling is None else self.coupling(prompts)

    def condition(self, videos: VideoTokens) -> Any:
        """Compute the input of prompts that depend on the clip, one entry per clip, or give None."""
        return None if self.prompt is None else self.prompt.condition(videos)

    def encode(self, names: Sequence[str], condition: Any = None, templates: Sequence[str] = ()) -> Tensor:
        """Encode names with the prompts, or in templates if there is no prompt learner.

        Args:
            names: The names.
            condition: Output of :meth:`~ga2mm.models.prompts.PromptLearner.condition`.
            templates: Texts for the tower without prompts; empty for the encoder's own templates.

        Returns:
            Unit features (names, embed_dim); (clips, names, embed_dim) if the prompts depend on the clip.
        """
        if self.prompt is None:
            return self.encode_in_templates(names, templates)
        tokens, prompts = self.tokenize(names), self.prompts(names, condition)
        sharded = self.shard_texts and condition is None and torch.is_grad_enabled() and get_world_size() > 1
        encode = self._encode_share if sharded else self.clip.encode_tokens
        return F.normalize(at_least_float32(encode(tokens, prompts, self.max_texts)), dim=-1)

    def _encode_share(self, tokens: Tensor, prompts: Prompts, max_texts: int) -> Tensor:
        """Encode this process's share of texts; give the features of all, gathered with gradient."""
        share = -(-len(tokens) // get_world_size())
        # The last shares repeat the last text, since all processes gather equally many.
        own = torch.arange(get_rank() * share, (get_rank() + 1) * share).clamp(max=len(tokens) - 1)
        chosen = [
            one if one is None or one.dim() == 2 else one[own.to(one.device, non_blocking=True)]
            for one in prompts
        ]
        features = self.clip.encode_tokens(tokens[own], chosen, max_texts)
        return torch.cat(all_gather(features))[: len(tokens)]

    def encode_cached(self, names: Sequence[str], condition: Any = None) -> Tensor:
        """Encode like :meth:`encode`, but cache the features of each list of names in evaluation.

        If prompts depend on the clip, the learner's cache keys state which clips share features. Features
        stay valid until prompts, tuned weights, precision or device change.
        """
        keys = self._keys(tuple(names), condition)
        if keys is None:
            return self.encode(names, condition)
        self._forget_if_changed()
        if condition is None:
            return self.cache.get(keys, lambda places: self.encode(names)[None])[0]
        return torch.stack(self.cache.get(keys, lambda places: self.encode(names, condition[places])))

    def encode_in_templates(self, names: Sequence[str], templates: Sequence[str] = ()) -> Tensor:
        """Encode names in templates, without prompts.

        Args:
            names: The names.
            templates: Texts that contain ``{}`` once; empty for the encoder's own templates.

        Returns:
            Unit features (names, embed_dim). A frozen CLIP computes them once; with a tuned CLIP they have a
            gradient.
        """
        words = [_readable(name) for name in names]
        encode = self.clip.frozen_text_features if self.clip.frozen else self.clip.text_features
        return encode(words, templates or self.templates)

    def _keys(self, names: tuple[str, ...], condition: Any) -> list | None:
        """Give a key for each clip, one key if prompts are independent of the clip, or None for no cache."""
        parts = [part for part in (self.clip, self.prompt, self.coupling) if part is not None]
        if torch.is_grad_enabled() or any(part.training for part in parts) or not self.cache.max_entries:
            return None
        if self.prompt is None and self.clip.frozen:
            return None  # the CLIP has its own cache
        keys = [()] if self.prompt is None else self.prompt.cache_keys(condition)
        device = self.clip.device.type
        autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
        context = (names, self.clip.device, self.clip.logit_scale.dtype, autocast)
        return None if keys is None else [(context, key) for key in keys]

    def _forget_if_changed(self) -> None:
        learnt = self.clip.learnt_text_weights()
        for part in (self.prompt, self.coupling):
            learnt += [] if part is None else part.state_dict().values()
        if not _equal(self._cached_with, learnt):
            self.cache.clear()
            self._cached_with = [value.detach().clone() for value in learnt]

    def tokenize(self, names: Sequence[str]) -> Tensor:
        """Give the token ids (names, L) of the texts, with placeholders for the prompt."""
        names = tuple(names)
        if names not in self._tokens:
            texts = [f'{self.prompt.words_behind} {_readable(name)}.'.strip() for name in names]
            if len(self._tokens) >= MAX_LISTS:
                self._tokens.pop(next(iter(self._tokens)))
            self._tokens[names] = self.clip.tokenize(texts, self.prompt.length, self.prompt.class_position)
        return self._tokens[names]


def _readable(name: str) -> str:
    return name.replace('_', ' ')


def _equal(kept: Sequence[Tensor], found: Sequence[Tensor]) -> bool:
    """Check whether two lists have equal values, precisions and devices."""
    return len(kept) == len(found) and all(
        (one.dtype, one.device) == (other.dtype, other.device) and torch.equal(one, other)
        for one, other in zip(kept, found, strict=True)
    )
