"""The head of a prompt-tuned CLIP: prompts, class names, class features and logits."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.models import BaseHead
from mmaction.structures import ActionDataSample
from torch import Tensor

from ga2mm.datasets.label_map import read_label_map
from ga2mm.models.clip import OpenCLIP
from ga2mm.models.clip.towers import Prompts
from ga2mm.models.prompts import CoupledPrompt, DeepPrompt
from ga2mm.registry import MODELS
from ga2mm.utils import at_least_float32

MAX_CACHED_CLASS_LISTS = 4
"""A test offers two lists in turn; more are for whoever switches between a few of them."""


@MODELS.register_module()
class CoupledPromptHead(BaseHead):
    """Logits of videos for classes that are given by name.

    Logits are ``logit_scale · video · classᵀ`` of unit features. With a text prompt the text of a class is
    start, prompt, name, full stop, end; without one it is ``template``.

    The head learns the prompts of both towers, so that everything that a run learns is in the head. It
    keeps no class name in its state: a checkpoint fits any list of classes.

    Args:
        clip: The frozen CLIP, for its widths and token embeddings. Given by the recognizer; not kept.
        class_names: Names, or a label map's file; None to take them from the training set's metainfo
            (:class:`~ga2mm.engine.ClassNamesHook`) or from :meth:`set_classes`.
        text_prompt: Config of the text tower's prompt learner; None for none.
        vision_prompt: Config of the vision tower's prompt learner; None for none.
        template: Text of a class, or of a negative, for the tower without prompts.
        loss_cls, label_smooth_eps, topk, average_clips: As in MMAction2's ``BaseHead``.
    """

    def __init__(
        self,
        clip: OpenCLIP,
        class_names: Sequence[str] | str | None = None,
        text_prompt: dict[str, Any] | None = None,
        vision_prompt: dict[str, Any] | None = None,
        template: str = 'a video of a person {}.',
        loss_cls: dict[str, Any] = dict(type='CrossEntropyLoss', loss_weight=1.0),  # noqa: B006, C408
        label_smooth_eps: float = 0.0,
        topk: int | tuple[int, ...] = (1, 5),
        average_clips: str = 'prob',
    ) -> None:
        super().__init__(
            num_classes=0,
            in_channels=clip.vision_width,
            loss_cls=loss_cls,
            label_smooth_eps=label_smooth_eps,
            topk=topk,
            average_clips=average_clips,
        )
        if template.count('{}') != 1:
            raise ValueError(f'cls_head.template={template!r} must contain {{}} once, for the class name')
        self.template = template
        self.text_prompt = _build_text_prompt(text_prompt, clip)
        self.vision_prompt = None
        if vision_prompt is not None:
            self.vision_prompt = MODELS.build(
                dict(vision_prompt, width=clip.vision_width, layers=clip.vision_layers)
            )
        self.class_names: tuple[str, ...] = ()
        self._cached: dict[Any, tuple[Tensor, Tensor]] = {}
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

    def vision_prompts(self) -> Prompts:
        """Prompts of the vision tower's layers."""
        return self.vision_prompt() if self.vision_prompt is not None else ()

    def encode_names(self, clip: OpenCLIP, names: Sequence[str]) -> Tensor:
        """Unit features (names, embed_dim) of names, with the text prompt where there is one."""
        if self.text_prompt is None:
            return self.frozen_features(clip, names)
        tokens = self.tokenize(clip, tuple(names))
        return F.normalize(at_least_float32(clip.encode_tokens(tokens, self.text_prompt())), dim=-1)

    def class_features(self, clip: OpenCLIP) -> Tensor:
        """Unit features (classes, embed_dim) of the classes.

        In evaluation they are kept, of up to four class lists, until prompts, precision or device change.

        Raises:
            RuntimeError: No class names were given.
        """
        if not self.class_names:
            raise RuntimeError(
                'the head knows no classes: set cls_head.class_names, call set_classes, or use a dataset '
                'with a label_map together with ClassNamesHook'
            )
        if self.text_prompt is None or self.training or torch.is_grad_enabled():
            return self.encode_names(clip, self.class_names)
        device = clip.device.type
        autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
        key = (self.class_names, clip.device, clip.logit_scale.dtype, autocast)
        state = torch.cat([value.flatten() for value in self.text_prompt.state_dict().values()])
        if key not in self._cached or not torch.equal(self._cached[key][0], state):
            self._cached.pop(key, None)
            if len(self._cached) == MAX_CACHED_CLASS_LISTS:
                del self._cached[next(iter(self._cached))]
            self._cached[key] = state, self.encode_names(clip, self.class_names)
        return self._cached[key][1]

    def frozen_features(self, clip: OpenCLIP, names: Sequence[str], templates: Sequence[str] = ()) -> Tensor:
        """Unit features (names, embed_dim) of names in sentences, without prompts.

        Of several templates a name's feature is the mean of its unit features, scaled to unit length.
        Source: CLIP's prompt ensembles (arXiv 2103.00020, section 3.1.4).

        Args:
            clip: The frozen CLIP.
            names: The names.
            templates: Sentences that contain ``{}`` once; none for the head's ``template``.
        """
        templates = templates or (self.template,)
        sentences = [template.replace('{}', _readable(name)) for template in templates for name in names]
        features = clip.frozen_text_features(sentences)
        if len(templates) == 1:
            return features
        return F.normalize(features.unflatten(0, (len(templates), len(names))).mean(dim=0), dim=-1)

    def forward(self, feats: Tensor, class_features: Tensor, logit_scale: Tensor, **kwargs: Any) -> Tensor:
        """Logits (N, classes) of unit video features (N, embed_dim) and class features.

        Always in float32: at CLIP's scale of 100, bfloat16 would round logits to steps of half a unit.
        """
        with torch.autocast(feats.device.type, enabled=False):
            return logit_scale.float() * feats.float() @ class_features.float().t()

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
        """
        logits = cls_scores.unflatten(0, (len(data_samples), -1)).mean(dim=1)
        for sample, max_logit in zip(data_samples, logits.amax(dim=1), strict=True):
            sample.set_field(max_logit, 'max_logit')
        return super().predict_by_feat(cls_scores, data_samples)

    def tokenize(self, clip: OpenCLIP, names: tuple[str, ...]) -> Tensor:
        if names not in self._tokens:
            words = (self.text_prompt.init_words or '').split()
            kept = words[self.text_prompt.length :]
            texts = [' '.join([*kept, f'{_readable(name)}.']) for name in names]
            self._tokens = {names: clip.tokenize(texts, self.text_prompt.length)}
        tokens = self._tokens[names] = self._tokens[names].to(clip.device)
        return tokens


def _readable(name: str) -> str:
    return name.replace('_', ' ')


def _build_text_prompt(config: dict[str, Any] | None, clip: OpenCLIP) -> DeepPrompt | None:
    if config is None:
        return None
    config = dict(config, width=clip.text_width, layers=clip.text_layers)
    words = config.get('init_words')
    if words:
        config['word_embeddings'] = clip.embed_words(words)
        if len(config['word_embeddings']) != len(words.split()):
            raise ValueError(
                f'text_prompt.init_words={words!r} has words of more than one token, which cannot be '
                'counted against the prompt length: choose plainer words'
            )
    prompt_class = MODELS.get(config['type']) if isinstance(config['type'], str) else config['type']
    if prompt_class is not None and issubclass(prompt_class, CoupledPrompt):
        config['clip_identity'] = clip.identity
    return MODELS.build(config)
