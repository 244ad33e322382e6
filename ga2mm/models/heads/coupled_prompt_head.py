"""The head of a prompt-tuned CLIP: prompts, class names, class features and logits."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmaction.models import BaseHead
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from ga2mm.datasets.label_map import read_label_map
from ga2mm.models.clip import OpenCLIP
from ga2mm.models.clip.towers import Prompts
from ga2mm.models.prompts import (
    AttributeRetrieval,
    ProjectedPrompt,
    PromptLearner,
    RetrievalCache,
    VideoTokens,
)
from ga2mm.registry import MODELS
from ga2mm.utils import at_least_float32, cosines

MAX_CACHED_CLASS_LISTS = 4
"""A test offers two lists in turn; more are for whoever switches between a few of them."""

AVERAGES = ('prob', 'score')


@MODELS.register_module()
class CoupledPromptHead(BaseHead):
    """Logits of videos for classes that are given by name.

    Logits are ``logit_scale · video · classᵀ`` of unit features. With a text prompt the text of a class is
    start, prompt, name, full stop, end; without one it is ``template``. Where the text prompt is conditional,
    each clip has class features of its own.

    The head learns the prompts of both towers and the coupling. It keeps no class name in its state: a
    checkpoint fits any list of classes.

    Args:
        clip: The CLIP, for its widths and token embeddings. Given by the recognizer; not kept.
        class_names: Names, or a label map's file; None to take them from the training set's metainfo
            (:class:`~ga2mm.engine.ClassNamesHook`) or from :meth:`set_classes`.
        text_prompt: Config of the text tower's prompt learner; None for none.
        coupling: Config of what couples a hard prompt to the text prompts of the input layer
            (:class:`~ga2mm.models.prompts.HardPromptCoupling`); None for none.
        vision_prompt: Config of the vision tower's prompt learner; None for none.
        template: Text of a class, or of a negative, for the tower without prompts. Of several templates the
            features are averaged, then scaled to unit length (docs/zoo.md).
        max_texts: Most texts that are encoded at once for a conditional text prompt, clips times classes;
            bounds the memory.
        max_cached_retrievals: In evaluation, clips that retrieved the same prompts share class features, and
            those of so many retrievals are kept between batches, classes · embed_dim numbers each; 0 to
            encode each clip's alone. Only ``AttributeRetrieval`` without a ``temperature`` looks at it.
        average_clips: How the scores of a video's clips become one: ``'prob'`` for the mean of their
            probabilities, ``'score'`` for the mean of their logits.
        loss_cls, label_smooth_eps, topk: As in MMAction2's ``BaseHead``.

    Raises:
        ValueError: An argument is wrong.
    """

    def __init__(
        self,
        clip: OpenCLIP,
        class_names: Sequence[str] | str | None = None,
        text_prompt: dict[str, Any] | None = None,
        coupling: dict[str, Any] | None = None,
        vision_prompt: dict[str, Any] | None = None,
        template: str | Sequence[str] = 'a video of a person {}.',
        max_texts: int = 512,
        max_cached_retrievals: int = 256,
        loss_cls: dict[str, Any] = dict(type='CrossEntropyLoss', loss_weight=1.0),  # noqa: B006, C408
        label_smooth_eps: float = 0.0,
        topk: int | tuple[int, ...] = (1, 5),
        average_clips: Literal['prob', 'score'] = 'prob',
    ) -> None:
        super().__init__(
            num_classes=0,
            in_channels=clip.vision_width,
            loss_cls=loss_cls,
            label_smooth_eps=label_smooth_eps,
            topk=topk,
            average_clips=average_clips,
        )
        if average_clips not in AVERAGES:
            raise ValueError(f'cls_head.average_clips={average_clips!r}: use one of {AVERAGES}')
        if not 0 <= label_smooth_eps < 1:
            raise ValueError(f'cls_head.label_smooth_eps={label_smooth_eps}: give 0 or more, and less than 1')
        self.templates = (template,) if isinstance(template, str) else tuple(template)
        if not self.templates or any(one.count('{}') != 1 for one in self.templates):
            raise ValueError(f'cls_head.template={template!r} must contain {{}} once, for the class name')
        if max_texts < 1:
            raise ValueError(f'cls_head.max_texts={max_texts}: give 1 or more')
        if max_cached_retrievals < 0:
            raise ValueError(f'cls_head.max_cached_retrievals={max_cached_retrievals}: give 0 or more')
        self.max_texts = max_texts
        self.text_prompt = _build_text_prompt(text_prompt, clip)
        self.coupling = _build_coupling(coupling, clip, self.text_prompt)
        self.vision_prompt = _build_vision_prompt(vision_prompt, clip, self.text_prompt)
        self.class_names: tuple[str, ...] = ()
        self._cached: dict[Any, Tensor] = {}
        self.retrieval_cache = RetrievalCache(max_cached_retrievals)
        self._cached_with: list[Tensor] = []
        self._tokens: dict[tuple[str, ...], Tensor] = {}
        if class_names is not None:
            self.set_classes(
                read_label_map(class_names) if isinstance(class_names, str | Path) else class_names
            )

    def set_classes(self, class_names: Sequence[str]) -> None:
        """Offer these classes from now on, keeping what was learnt.

        Raises:
            ValueError: There is no name, an empty one, or one twice.
        """
        if isinstance(class_names, str) or not isinstance(class_names, Iterable):
            raise ValueError(f'class_names={class_names!r} is no list: give a list of names')
        names = tuple(class_names)
        bad = [name for name in names if not isinstance(name, str) or not name.strip()]
        if not names or bad:
            raise ValueError(
                f'class_names must be a list of names, none of them empty; found {(bad or names)!r}'
            )
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'class_names has {twice!r} more than once: each class needs a name of its own')
        self.class_names = names
        self.num_classes = len(names)

    @property
    def conditional(self) -> bool:
        """Whether each clip has class features of its own."""
        return self.text_prompt is not None and self.text_prompt.conditional

    @property
    def uses_layers(self) -> bool:
        """Whether the text prompt reads the patch tokens of the vision layers."""
        return self.conditional and self.text_prompt.uses_layers

    def text_prompts(self, *given: Any) -> Prompts:
        """Prompts of the text tower's layers, coupled to the hard prompt where there is one.

        Args:
            *given: What the text prompt learner takes: nothing, the clips of the batch or the class names.
        """
        return self._coupled(self.text_prompt(*given))

    def vision_prompts(self) -> Prompts:
        """Prompts of the vision tower's layers."""
        if isinstance(self.vision_prompt, ProjectedPrompt):
            return self.vision_prompt(self.text_prompts())
        return self.vision_prompt() if self.vision_prompt is not None else ()

    def prompt_losses(self) -> dict[str, Tensor]:
        """Losses of the text prompt's own on what it saw last in training, weighted, by name."""
        return self.text_prompt.losses() if self.text_prompt is not None else {}

    def encode_names(self, clip: OpenCLIP, names: Sequence[str], videos: VideoTokens | None = None) -> Tensor:
        """Unit features of names, with the text prompt where there is one.

        Args:
            clip: The CLIP.
            names: The names.
            videos: The clips of the batch, which a conditional text prompt needs.

        Returns:
            Features (names, embed_dim), or (clips, names, embed_dim) with a conditional text prompt.
        """
        if self.text_prompt is None:
            return self.template_features(clip, names)
        tokens = self.tokenize(clip, tuple(names))
        if self.conditional:
            features = clip.encode_tokens_per_clip(tokens, self.text_prompts(videos), self.max_texts)
        elif self.text_prompt.per_class:
            features = clip.encode_tokens(tokens, self.text_prompts(names))
        else:
            features = clip.encode_tokens(tokens, self.text_prompts())
        return F.normalize(at_least_float32(features), dim=-1)

    def class_features(self, clip: OpenCLIP, videos: VideoTokens | None = None) -> Tensor:
        """Unit features of the classes, shaped as :meth:`encode_names` gives them.

        In evaluation they are kept until prompts, tuned weights, precision or device change: of up to four
        class lists, and of what clips retrieved last (``max_cached_retrievals``). Others that belong to a
        clip are not.

        Raises:
            RuntimeError: No class names were given.
        """
        if not self.class_names:
            raise RuntimeError(
                'the head knows no classes: set cls_head.class_names, call set_classes, or use a dataset '
                'with a label_map together with ClassNamesHook'
            )
        fixed = self.text_prompt is None and clip.frozen  # the CLIP keeps them itself
        kept = not self.conditional or self._shares_retrievals
        if fixed or not kept or self.training or torch.is_grad_enabled():
            return self.encode_names(clip, self.class_names, videos)
        device = clip.device.type
        autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
        key = (self.class_names, clip.device, clip.logit_scale.dtype, autocast)
        learnt = clip.learnt_text_weights()
        for part in (self.text_prompt, self.coupling):
            if part is not None:
                learnt += part.state_dict().values()
        if not _equal(self._cached_with, learnt):
            self._cached.clear()
            self.retrieval_cache.clear()
            self._cached_with = [value.detach().clone() for value in learnt]
        if self.conditional:
            return self._retrieved_features(clip, videos, key)
        if key not in self._cached:
            if len(self._cached) == MAX_CACHED_CLASS_LISTS:
                del self._cached[next(iter(self._cached))]
            self._cached[key] = self.encode_names(clip, self.class_names)
        return self._cached[key]

    @property
    def _shares_retrievals(self) -> bool:
        """Whether clips that retrieved the same prompts share class features that are kept."""
        retrieves = isinstance(self.text_prompt, AttributeRetrieval) and self.text_prompt.temperature is None
        return retrieves and self.retrieval_cache.max_entries > 0

    def _retrieved_features(self, clip: OpenCLIP, videos: VideoTokens, key: tuple[Any, ...]) -> Tensor:
        """Unit features (clips, classes, embed_dim), each retrieval encoded once."""
        retrieval = self.text_prompt.retrieve(videos)
        prompts = self._coupled(self.text_prompt.compose(retrieval))

        def encode(places: list[int]) -> Tensor:
            tokens = self.tokenize(clip, self.class_names)
            chosen = [prompt[places] for prompt in prompts]
            features = clip.encode_tokens_per_clip(tokens, chosen, self.max_texts)
            return F.normalize(at_least_float32(features), dim=-1)

        identifiers = [(*key, *retrieved) for retrieved in retrieval.identifiers()]
        return self.retrieval_cache.features(identifiers, encode)

    def _coupled(self, prompts: Prompts) -> Prompts:
        return prompts if self.coupling is None else self.coupling(prompts)

    def template_features(
        self, clip: OpenCLIP, names: Sequence[str], templates: Sequence[str] = ()
    ) -> Tensor:
        """Unit features (names, embed_dim) of names in sentences, without prompts.

        Args:
            clip: The CLIP. A frozen one computes them once, a tuned one gets gradient through them.
            names: The names.
            templates: Sentences that contain ``{}`` once; none for the head's ``template``. Of several a
                name's feature is the mean, scaled to unit length.
        """
        if clip.frozen:
            return self.frozen_features(clip, names, templates)
        return clip.text_features([_readable(name) for name in names], templates or self.templates)

    def frozen_features(self, clip: OpenCLIP, names: Sequence[str], templates: Sequence[str] = ()) -> Tensor:
        """What :meth:`template_features` gives of a frozen CLIP; a tuned one is refused."""
        return clip.frozen_text_features([_readable(name) for name in names], templates or self.templates)

    def forward(self, feats: Tensor, class_features: Tensor, logit_scale: Tensor, **kwargs: Any) -> Tensor:
        """Logits (N, classes) of unit video features (N, embed_dim) and class features.

        Class features are (classes, embed_dim), or (N, classes, embed_dim) where each clip has its own. Video
        features are (N, classes, embed_dim) where a temporal model gives each class its own.

        Always in float32: at CLIP's scale of 100, bfloat16 would round logits to steps of half a unit.
        """
        with torch.autocast(feats.device.type, enabled=False):
            if feats.dim() == 3:
                return logit_scale.float() * (feats.float() * class_features.float()).sum(dim=-1)
            return logit_scale.float() * cosines(feats.float(), class_features.float())

    def predict_by_feat(
        self, cls_scores: Tensor, data_samples: list[ActionDataSample]
    ) -> list[ActionDataSample]:
        """The samples with their predictions, as in MMAction2, and with ``max_logit``, a scalar.

        That is the highest logit among the classes, of the mean over the video's clips and crops: how much a
        video looks like any of the classes. Source: arXiv 1911.11132, MaxLogit. Design choice against the
        highest probability, which is relative: it is always 1 where a single class is offered.

        Args:
            cls_scores: Logits (videos · clips, classes).
            data_samples: The samples of the videos.

        Raises:
            ValueError: A logit is NaN or infinite.
        """
        wrong = int((~cls_scores.isfinite()).any(dim=-1).sum())
        if wrong:
            raise ValueError(
                f'the scores of {wrong} of {len(cls_scores)} clips are NaN or infinite: the numbers grew too '
                'large for their precision, in CLIP or in the prompts (in half precision, test in float32)'
            )
        logits = cls_scores.unflatten(0, (len(data_samples), -1)).mean(dim=1)
        for sample, max_logit in zip(data_samples, logits.amax(dim=1), strict=True):
            sample.set_field(max_logit, 'max_logit')
        return super().predict_by_feat(cls_scores, data_samples)

    def tokenize(self, clip: OpenCLIP, names: tuple[str, ...]) -> Tensor:
        if names not in self._tokens:
            words = (self.text_prompt.init_words or '').split()
            kept = words[self.text_prompt.length :]
            texts = [' '.join([*kept, f'{_readable(name)}.']) for name in names]
            prompt = self.text_prompt
            self._tokens = {names: clip.tokenize(texts, prompt.length, prompt.class_position)}
        tokens = self._tokens[names] = self._tokens[names].to(clip.device)
        return tokens


def _readable(name: str) -> str:
    return name.replace('_', ' ')


def _equal(kept: Sequence[Tensor], found: Sequence[Tensor]) -> bool:
    """Whether two lists hold the same numbers in the same precision on the same device."""
    return len(kept) == len(found) and all(
        (one.dtype, one.device) == (other.dtype, other.device) and torch.equal(one, other)
        for one, other in zip(kept, found, strict=True)
    )


def _build_text_prompt(config: dict[str, Any] | None, clip: OpenCLIP) -> PromptLearner | None:
    words = (config or {}).get('init_words')
    if words:
        config = dict(config, word_embeddings=clip.embed_words(words))
        if len(config['word_embeddings']) != len(words.split()):
            raise ValueError(
                f'text_prompt.init_words={words!r} has words of more than one token, which cannot be '
                'counted against the prompt length: choose plainer words'
            )
    return _build_prompt(config, clip, width=clip.text_width, layers=clip.text_layers)


def _build_coupling(
    config: dict[str, Any] | None, clip: OpenCLIP, text_prompt: PromptLearner | None
) -> nn.Module | None:
    if config is None:
        return None
    if text_prompt is None or text_prompt.depth == 0:
        raise ValueError(
            'cls_head.coupling couples a hard prompt to the text prompt of the input layer, and there is '
            'none: set cls_head.text_prompt to a learner of depth 1 or more, or leave the coupling out'
        )
    given = dict(length=text_prompt.length, width=clip.text_width, clip_identity=clip.identity)
    return MODELS.build(dict(config, **given))


def _build_vision_prompt(
    config: dict[str, Any] | None, clip: OpenCLIP, text_prompt: PromptLearner | None
) -> nn.Module | None:
    shared = text_prompt is not None and not text_prompt.conditional and not text_prompt.per_class
    text_depth = text_prompt.depth if shared else 0
    return _build_prompt(
        config, clip, width=clip.vision_width, layers=clip.vision_layers, text_depth=text_depth
    )


def _build_prompt(
    config: dict[str, Any] | None, clip: OpenCLIP, *, width: int, layers: int, text_depth: int = 0
) -> nn.Module | None:
    """A tower's prompt learner, told what it asks for in ``given_by_head``; None for none."""
    if config is None:
        return None
    known = dict(
        embed_dim=clip.embed_dim,
        vision_width=clip.vision_width,
        vision_layers=clip.vision_layers,
        text_width=clip.text_width,
        text_depth=text_depth,
    )
    prompt_class = MODELS.get(config['type']) if isinstance(config['type'], str) else config['type']
    asked_for = {name: known[name] for name in getattr(prompt_class, 'given_by_head', ())}
    return MODELS.build(dict(config, width=width, layers=layers, **asked_for))
