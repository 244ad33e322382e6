"""The head of a prompt-tuned CLIP: prompts, coupling, class names and logits."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from mmaction.models import BaseHead
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from ga2mm.build import build_part
from ga2mm.datasets.label_map import read_label_map
from ga2mm.models.clip import OpenCLIP
from ga2mm.models.prompts import PromptLearner
from ga2mm.models.text_encoder import DEFAULT_TEMPLATE, TextEncoder
from ga2mm.registry import MODELS
from ga2mm.utils import cosines

AVERAGES = ('prob', 'score')


@MODELS.register_module()
class CoupledPromptHead(BaseHead):
    """A head that compares video features with features of class names.

    The head owns the learnt parts of GA2-CLIP: the soft prompts of both towers, and the coupling of the text
    prompt to a hard prompt. The video encoder and the text encoder use them. Logits are ``logit_scale · video
    · classᵀ`` of unit features. The head's state contains no class names, so a checkpoint fits any classes.

    Args:
        clip: The CLIP. Given by the recognizer.
        class_names: Names, or the file of a label map; None to take them from the training set's metainfo
            (:class:`~ga2mm.engine.ClassNamesHook`) or from :meth:`set_classes`.
        text_prompt: Config of the text tower's prompt learner; None for no prompt.
        coupling: Config of the coupling of a hard prompt to the text prompts of the input layer
            (:class:`~ga2mm.models.prompts.HardPromptCoupling`); None for no coupling.
        vision_prompt: Config of the vision tower's prompt learner; None for no prompt.
        template: Text of a class, or of a negative, for the tower without prompts. The features of several
            templates are averaged.
        max_texts, max_cached, shard_texts: See :class:`~ga2mm.models.text_encoder.TextEncoder`.
        average_clips: How to average the clips of a video: ``'prob'`` for the mean of their probabilities,
            ``'score'`` for the mean of their logits.
        loss_cls, topk: As in MMAction2's ``BaseHead``.

    Raises:
        ValueError: An argument is invalid.
    """

    def __init__(
        self,
        clip: OpenCLIP,
        class_names: Sequence[str] | str | None = None,
        text_prompt: dict[str, Any] | None = None,
        coupling: dict[str, Any] | None = None,
        vision_prompt: dict[str, Any] | None = None,
        template: str | Sequence[str] = DEFAULT_TEMPLATE,
        max_texts: int = 512,
        max_cached: int = 256,
        shard_texts: bool = False,
        loss_cls: dict[str, Any] = dict(type='CrossEntropyLoss'),  # noqa: B006, C408
        topk: int | tuple[int, ...] = (1, 5),
        average_clips: Literal['prob', 'score'] = 'prob',
    ) -> None:
        super().__init__(
            num_classes=0,
            in_channels=clip.vision_width,
            loss_cls=loss_cls,
            topk=topk,
            average_clips=average_clips,
        )
        if average_clips not in AVERAGES:
            raise ValueError(f'cls_head.average_clips={average_clips!r}: use one of {AVERAGES}')
        templates = (template,) if isinstance(template, str) else template
        self.text_prompt = _build_text_prompt(text_prompt, clip)
        self.coupling = _build_coupling(coupling, clip, self.text_prompt)
        self.text_encoder = TextEncoder(
            clip, self.text_prompt, self.coupling, templates, max_texts, max_cached, shard_texts
        )
        self.vision_prompt = _build_vision_prompt(vision_prompt, clip, self.text_encoder)
        self.class_names: tuple[str, ...] = ()
        if class_names is not None:
            self.set_classes(
                read_label_map(class_names) if isinstance(class_names, str | Path) else class_names
            )

    def set_classes(self, class_names: Sequence[str]) -> None:
        """Set the class names; the learnt parameters do not change.

        Raises:
            ValueError: The list is empty, or a name is empty or occurs twice.
        """
        if isinstance(class_names, str) or not isinstance(class_names, Iterable):
            raise ValueError(f'class_names={class_names!r} is not a list: give a list of names')
        names = tuple(class_names)
        bad = [name for name in names if not isinstance(name, str) or not name.strip()]
        if not names or bad:
            raise ValueError(
                f'class_names must be a list of names that are not empty, not {(bad or names)!r}'
            )
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'class_names has {twice!r} more than once: each class needs a name of its own')
        self.class_names = names
        self.num_classes = len(names)

    def check_classes(self) -> None:
        """Raise a RuntimeError if the head has no class names."""
        if not self.class_names:
            raise RuntimeError(
                'the head knows no classes: set cls_head.class_names, call set_classes, or use a dataset '
                'with a label_map together with ClassNamesHook'
            )

    def forward(self, feats: Tensor, class_features: Tensor, logit_scale: Tensor, **kwargs: Any) -> Tensor:
        """Give the logits (N, classes) of videos.

        They are computed in float32: at CLIP's scale of 100, bfloat16 would round logits to steps of 0.5.

        Args:
            feats: Unit features of the videos, (N, embed_dim); (N, classes, embed_dim) if the temporal model
                is guided by the classes.
            class_features: Unit features of the classes, (classes, embed_dim); (N, classes, embed_dim) if
                the prompts depend on the clip.
            logit_scale: The scale, a scalar.
        """
        with torch.autocast(feats.device.type, enabled=False):
            if feats.dim() == 3:
                return logit_scale.float() * (feats.float() * class_features.float()).sum(dim=-1)
            return logit_scale.float() * cosines(feats.float(), class_features.float())

    def accuracies(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give the top-k accuracies of the batch for each k in ``topk``, as ``top<k>_acc``."""
        most = min(max(self.topk), logits.shape[-1])
        right = logits.detach().topk(most, dim=-1).indices == labels[:, None]
        return {f'top{k}_acc': right[:, :k].any(dim=-1).float().mean() for k in self.topk}

    def predict_by_feat(
        self, cls_scores: Tensor, data_samples: list[ActionDataSample]
    ) -> list[ActionDataSample]:
        """Give the samples with their predictions, as in MMAction2, and with ``max_logit``, a scalar.

        ``max_logit`` is the highest class logit, after averaging over the video's clips and crops. It
        measures how similar the video is to any of the classes. Source: arXiv 1911.11132, MaxLogit. Design
        choice: the highest probability is not used, since it is relative and always 1 for a single class.

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


def _build_text_prompt(config: dict[str, Any] | None, clip: OpenCLIP) -> PromptLearner | None:
    if config is None:
        return None
    return build_part(
        MODELS,
        config,
        width=clip.text_width,
        layers=clip.text_layers,
        embed_words=clip.embed_words,
        **_of_clip(clip),
    )


def _build_coupling(
    config: dict[str, Any] | None, clip: OpenCLIP, text_prompt: PromptLearner | None
) -> nn.Module | None:
    if config is None:
        return None
    if text_prompt is None or text_prompt.depth == 0:
        raise ValueError(
            'cls_head.coupling needs a text prompt in the input layer, but there is none: set '
            'cls_head.text_prompt to a learner of depth 1 or more, or leave the coupling out'
        )
    return build_part(
        MODELS, config, length=text_prompt.length, width=clip.text_width, clip_identity=clip.identity
    )


def _build_vision_prompt(
    config: dict[str, Any] | None, clip: OpenCLIP, text_encoder: TextEncoder
) -> nn.Module | None:
    if config is None:
        return None
    text_prompt = text_encoder.prompt
    return build_part(
        MODELS,
        config,
        width=clip.vision_width,
        layers=clip.vision_layers,
        text_width=clip.text_width,
        text_depth=0 if text_prompt is None else text_prompt.shared_depth,
        text_prompts=text_encoder.prompts,
        **_of_clip(clip),
    )


def _of_clip(clip: OpenCLIP) -> dict[str, int]:
    return dict(embed_dim=clip.embed_dim, vision_width=clip.vision_width, vision_layers=clip.vision_layers)
