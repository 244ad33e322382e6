"""Prompt-tuned CLIP as an MMAction2 recognizer."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmaction.models import BaseRecognizer
from mmaction.structures import ActionDataSample
from mmengine.dist import all_reduce_dict
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from ga2mm.anchors.anchor_objective import AnchorObjective, BatchFeatures
from ga2mm.anchors.negatives import check_no_class
from ga2mm.models.clip import OpenCLIP
from ga2mm.models.losses import AuxiliaryLoss
from ga2mm.models.prompts import VideoTokens
from ga2mm.models.temporal import mean_over_frames
from ga2mm.registry import MODELS
from ga2mm.structures import stack_gt_labels
from ga2mm.tensor_files import check_tensors
from ga2mm.utils import at_least_float32, numbered


@MODELS.register_module()
class CLIPRecognizer(BaseRecognizer):
    """A CLIP, prompts and losses, with MMAction2's modes loss, predict and tensor.

    Everything that is called frozen comes from ``teacher``: the backbone itself, or where the config tunes
    that (``backbone.frozen=False``), another CLIP with the weights that the backbone started from. It is kept
    only if anchor strategies, losses or ``frozen_share`` use it, and is in no checkpoint.

    The feature of a clip is the mean of its frames' features, scaled to unit length, or what ``temporal``
    makes of them. Anchor strategies and auxiliary losses see the mean in either case. Inputs are
    (B, M, 3, T, H, W), M test clips and crops of T frames each whose scores are averaged
    (``FormatShape(input_format='NCTHW')``), or (B, T, 3, H, W), all frames of a video as one clip
    (``'NCHW'``).

    Args:
        backbone: Config of the CLIP.
        cls_head: Config of the head, which owns the prompts.
        anchors: Arguments of :class:`~ga2mm.anchors.AnchorObjective`; None for training without anchors.
        losses: Configs of auxiliary losses on the labelled clips, subclasses of
            :class:`~ga2mm.models.losses.AuxiliaryLoss`; each is logged as ``loss_<type>``, of several of one
            type with its number.
        temporal: Config of the temporal model (:mod:`ga2mm.models.temporal`); None for the mean over frames.
        data_preprocessor: As in MMAction2. None for one with the CLIP's own mean and standard deviation
            and ``format_shape='NCTHW'``.
        train_cfg: As in MMAction2.
        test_cfg: As in MMAction2, and ``frozen_share``, 0 to 1: how much of the logits is the frozen CLIP's
            when predicting. Logit averaging, half and half, costs no training. A tuned logit scale is that
            of both. Source: the ensembles of WiSE-FT (arXiv 2109.01903), of logits here.

    Raises:
        ValueError: ``frozen_share`` is not from 0 to 1, or ``losses`` holds something else.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        cls_head: dict[str, Any],
        anchors: dict[str, Any] | None = None,
        losses: Sequence[dict[str, Any]] = (),
        temporal: dict[str, Any] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        train_cfg: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
    ) -> None:
        # The parts are named without a prefix also where the recognizer is built from another scope.
        with DefaultScope.overwrite_default_scope('ga2mm'):
            clip = MODELS.build(backbone)
            if data_preprocessor is None:
                mean, std = clip.pixel_mean_std
                data_preprocessor = dict(
                    type='ActionDataPreprocessor', mean=mean, std=std, format_shape='NCTHW'
                )
            # Not BaseRecognizer's: it builds the parts itself, one without knowing of the other.
            BaseModel.__init__(self, data_preprocessor=MODELS.build(data_preprocessor))
            self.backbone = clip
            self.cls_head = MODELS.build(dict(cls_head, clip=clip))
            self.temporal = None
            if temporal is not None:
                self.temporal = MODELS.build(dict(temporal, width=clip.embed_dim))
            self.anchors = None
            if anchors is not None:
                self.anchors = AnchorObjective(
                    **anchors,
                    vision_learns=not clip.frozen or _has_prompts(self.cls_head.vision_prompt),
                    text_learns=not clip.frozen or _has_prompts(self.cls_head.text_prompt),
                    embed_dim=clip.embed_dim,
                )
            self.losses = _build_losses(losses)
            self._loss_names = numbered([f'loss_{type(loss).__name__}' for loss in self.losses])
        self.backbone_from = 'mmaction2'
        self.train_cfg, self.test_cfg = train_cfg, test_cfg
        self.frozen_share = (test_cfg or {}).get('frozen_share', 0.0)
        if not 0 <= self.frozen_share <= 1:
            raise ValueError(f'model.test_cfg.frozen_share={self.frozen_share}: give a number from 0 to 1')
        teacher = clip if clip.frozen else None
        used = self.frozen_share > 0 or (self.anchors is not None and self.anchors.needs_teacher)
        used = used or any('frozen_classes' in loss.uses for loss in self.losses)
        if used and not clip.frozen:
            with DefaultScope.overwrite_default_scope('ga2mm'):
                teacher = MODELS.build(dict(backbone, frozen=True))
        # Past nn.Module's own attribute handling, which would put a second CLIP into the checkpoint.
        object.__setattr__(self, 'teacher', teacher)
        self._loading_errors: list[str] = []
        self.register_load_state_dict_post_hook(_refuse_loading_errors)

    def set_classes(self, class_names: Sequence[str]) -> None:
        """Offer these classes from now on, keeping what was learnt.

        Raises:
            ValueError: There is no name, an empty one, or one twice.
        """
        self.cls_head.set_classes(class_names)

    def extract_feat(
        self,
        inputs: Tensor,
        stage: str = 'neck',
        data_samples: list[ActionDataSample] | None = None,
        test_mode: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Unit features (B · M, embed_dim) of videos, and what the head needs beside them.

        A temporal model guided by the classes gives (B · M, classes, embed_dim).

        Args:
            inputs: Normalised frames, see the class.
            stage: ``'backbone'`` for means over frames alone, ``'neck'`` for what the temporal model makes of
                the frames and the head's arguments (with ``frozen_share`` the frozen features stand behind
                the prompted ones), ``'head'`` for logits (B · M, classes), as MMAction2 names them.
            data_samples, test_mode: Accepted as in MMAction2, without effect.
        """
        frames, num_frames = self._to_frames(inputs)
        videos = self._encode_videos(frames, num_frames)
        if stage == 'backbone':
            return videos.features, {}
        feats, class_features = self._for_head(videos, self._frozen_features(frames, num_frames))
        head_kwargs = {'class_features': class_features, 'logit_scale': self.backbone.logit_scale}
        if stage == 'head':
            return self.cls_head(feats, **head_kwargs), {}
        return feats, head_kwargs

    def predict_offers(
        self, inputs: Tensor, data_samples: list[ActionDataSample], offers: Sequence[Sequence[str]]
    ) -> list[list[ActionDataSample]]:
        """Predictions with several lists of classes, each offered on its own, from one look at the videos.

        Args:
            inputs: Normalised frames, see the class.
            data_samples: Samples of the batch; they are left as they are.
            offers: Lists of class names. The last one stays set.

        Returns:
            Of each list the samples with their predictions.
        """
        frames, num_frames = self._to_frames(inputs)
        videos = self._encode_videos(frames, num_frames)
        frozen = self._frozen_features(frames, num_frames)
        predictions = []
        for class_names in offers:
            self.set_classes(class_names)
            feats, class_features = self._for_head(videos, frozen)
            samples = [sample.clone() for sample in data_samples]
            predictions.append(
                self.cls_head.predict(
                    feats, samples, class_features=class_features, logit_scale=self.backbone.logit_scale
                )
            )
        return predictions

    def loss(self, inputs: Tensor, data_samples: list[ActionDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Losses of a batch of labelled clips, auxiliary ones too, and what the anchor strategies demand.

        Raises:
            ValueError: The batch has anchor clips and no strategy uses them, or the other way round; a label
                is not among the classes; a negative is one of the classes.
        """
        is_anchor = [bool(sample.get('is_anchor', False)) for sample in data_samples]
        self._check_anchors(any(is_anchor))
        frames, num_frames = self._to_frames(inputs)
        videos = self._encode_videos(frames, num_frames)
        clip, head = self.backbone, self.cls_head
        per_sample = len(videos.features) // len(data_samples)  # clips and crops of one video
        labelled = [sample for sample, anchor in zip(data_samples, is_anchor, strict=True) if not anchor]
        labelled = [sample for sample in labelled for _ in range(per_sample)]
        self._check_labels(labelled)
        if self.anchors is None:
            feats, classes = self._for_head(videos)
            losses = head.loss_by_feat(head(feats, classes, clip.logit_scale), labelled)
            losses.update(head.prompt_losses())
            return losses | self._auxiliary_losses(videos.features, classes, labelled)

        mask = torch.tensor(is_anchor, device=frames.device).repeat_interleave(per_sample)
        features = self._batch_features(videos, frames.unflatten(0, (-1, num_frames)), mask)
        with torch.autocast(frames.device.type, enabled=False):
            feats = self._pool(videos.frames[~mask], features.clip_classes)
            logits = head(feats, features.clip_classes, clip.logit_scale)
            shifts = self.anchors.logit_shifts(features)
            losses = head.loss_by_feat(logits + sum(shifts.values()), labelled)
            losses.update(head.prompt_losses())
            losses.update(self._auxiliary_losses(features.clips, features.clip_classes, labelled))
            losses.update(self.anchors.losses(features))
            if self.anchors.log_grad_norm:
                learnt = [parameter for parameter in self.parameters() if parameter.requires_grad]
                losses.update(self.anchors.grad_norms(losses, shifts, learnt))
            return losses

    def _batch_features(self, videos: VideoTokens, frames: Tensor, is_anchor: Tensor) -> BatchFeatures:
        """What the strategies see of a batch; only what they use is computed.

        Args:
            videos: Labelled and anchor clips, prompted.
            frames: Their frames (clips, T, 3, H, W).
            is_anchor: Which of them are anchors, (clips,).
        """
        clip, head, anchors = self.backbone, self.cls_head, self.anchors
        names = list(head.class_names)
        check_no_class(anchors.negatives, names)
        prompted = anchors.uses('prompted_negatives') and head.text_prompt is not None
        together = prompted and not head.conditional
        # Negatives are for the anchors alone, so where texts belong to a clip, labelled clips have none.
        apart = prompted and head.conditional
        of_anchors = head.encode_names(clip, anchors.negatives, videos[is_anchor]) if apart else None
        texts = head.encode_names(clip, [*names, *anchors.negatives] if together else names, videos)
        if head.conditional:
            texts = torch.cat([texts[~is_anchor], texts[is_anchor]])

        @torch.no_grad()
        def frozen(chosen: Tensor) -> Tensor:
            return self._encode_videos(frames[chosen].flatten(0, 1), frames.shape[1], prompted=False).features

        def negatives(of: OpenCLIP) -> Tensor:
            return head.template_features(of, anchors.negatives, anchors.negative_templates)

        prompted_negatives = of_anchors
        if anchors.uses('prompted_negatives') and not apart:
            prompted_negatives = texts[len(names) :] if together else negatives(clip)

        return BatchFeatures(
            clips=videos.features[~is_anchor],
            classes=texts[..., : len(names), :],
            logit_scale=clip.logit_scale,
            videos=videos.features[is_anchor] if anchors.uses('videos') else None,
            negatives=negatives(self.teacher) if anchors.uses('negatives') else None,
            prompted_negatives=prompted_negatives,
            frozen_clips=frozen(~is_anchor) if anchors.uses('frozen_clips') else None,
            frozen_classes=(
                head.frozen_features(self.teacher, names) if anchors.uses('frozen_classes') else None
            ),
            frozen_videos=frozen(is_anchor) if anchors.uses('frozen_videos') else None,
        )

    def _auxiliary_losses(
        self, clips: Tensor, classes: Tensor, samples: list[ActionDataSample]
    ) -> dict[str, Tensor]:
        """The losses of ``model.losses``, weighted, in float32, as ``loss_<type>``.

        Args:
            clips: Labelled clips, prompted, (clips, embed_dim).
            classes: Classes, prompted, (classes, embed_dim) or (clips, classes, embed_dim).
            samples: The clips' samples.
        """
        clip, head = self.backbone, self.cls_head
        given = dict(clips=clips, classes=classes, logit_scale=clip.logit_scale)
        if any('frozen_classes' in loss.uses for loss in self.losses):
            given['frozen_classes'] = head.frozen_features(self.teacher, head.class_names)
        given = {name: at_least_float32(value) for name, value in given.items()}
        given['labels'] = stack_gt_labels(samples).to(clips.device)
        losses = {}
        with torch.autocast(clips.device.type, enabled=False):
            for name, loss in zip(self._loss_names, self.losses, strict=True):
                losses[name] = loss(**{used: given[used] for used in loss.uses})
                if torch.is_grad_enabled() and not losses[name].requires_grad:
                    warnings.warn(f'model.losses: {name} has no gradient with these prompts', stacklevel=2)
        return losses

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """As in MMEngine, but what is logged is the mean over all processes, not the first one's."""
        loss, log_vars = super().parse_losses(losses)
        log_vars = {key: value.detach().clone().float() for key, value in log_vars.items()}
        all_reduce_dict(log_vars, op='mean')
        return loss, log_vars

    def _to_frames(self, inputs: Tensor) -> tuple[Tensor, int]:
        """Frames (clips · T, 3, H, W) and T."""
        expected = {'NCTHW': 6, 'NCHW': 5}.get(getattr(self.data_preprocessor, 'format_shape', ''))
        if inputs.dim() != (expected or inputs.dim()):
            raise ValueError(
                f'inputs have shape {tuple(inputs.shape)}, but the data_preprocessor expects '
                f"{self.data_preprocessor.format_shape}: set the same format in the pipeline's FormatShape"
            )
        if inputs.dim() == 5:
            return inputs.flatten(0, 1), inputs.shape[1]
        clips = inputs.flatten(0, 1).transpose(1, 2)
        return clips.flatten(0, 1), clips.shape[1]

    def _encode_videos(self, frames: Tensor, num_frames: int, prompted: bool = True) -> VideoTokens:
        """Features of clips of ``num_frames`` frames, and patch tokens if the head uses them."""
        layers: list[Tensor] = []
        if not prompted:
            features = self.teacher.encode_frames(frames)
        elif not self.cls_head.uses_layers:
            features = self.backbone.encode_frames(frames, self.cls_head.vision_prompts())
        else:
            features, layers = self.backbone.encode_frames_and_layers(frames, self.cls_head.vision_prompts())
            layers = [layer.unflatten(0, (-1, num_frames)).flatten(1, 2) for layer in layers]
        features = at_least_float32(features).unflatten(0, (-1, num_frames))
        return VideoTokens(mean_over_frames(features), features, layers)

    def _pool(self, frame_features: Tensor, class_features: Tensor) -> Tensor:
        """Unit features (clips, embed_dim) or (clips, classes, embed_dim) of frames (clips, T, embed_dim)."""
        if self.temporal is None:
            return mean_over_frames(frame_features)
        with torch.autocast(frame_features.device.type, enabled=False):
            return self.temporal(frame_features, at_least_float32(class_features))

    def _frozen_features(self, frames: Tensor, num_frames: int) -> Tensor | None:
        """Features of clips by the frozen CLIP where logits are averaged with its own, else None."""
        if self.training or not self.frozen_share:
            return None
        return self._encode_videos(frames, num_frames, prompted=False).features

    def _for_head(self, videos: VideoTokens, frozen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the head compares: features of the clips and of the classes.

        With ``frozen`` the frozen features stand behind the prompted ones, weighted such that the cosines of
        both together are means of the prompted and the frozen ones. The length stays 1.
        """
        head, share = self.cls_head, self.frozen_share
        classes = head.class_features(self.backbone, videos)
        feats = self._pool(videos.frames, classes)
        if frozen is None:
            return feats, classes
        frozen_classes = head.frozen_features(self.teacher, head.class_names)
        frozen = frozen if feats.dim() == 2 else frozen.unsqueeze(1)  # a feature for each class

        def join(prompted: Tensor, frozen: Tensor) -> Tensor:
            frozen = frozen.expand_as(prompted)
            return torch.cat([(1 - share) ** 0.5 * prompted, share**0.5 * frozen], dim=-1)

        return join(feats, frozen), join(classes, frozen_classes)

    def _check_anchors(self, in_batch: bool) -> None:
        if in_batch and self.anchors is None:
            raise ValueError('the batch has anchor clips but model.anchors is None')
        needed = self.anchors is not None and self.anchors.needs_anchor_clips
        if in_batch and not needed:
            raise ValueError(
                'the batch has anchor clips but no strategy of model.anchors uses them: set num_anchors of '
                'AnchorBatchSampler to 0'
            )
        if needed and not in_batch:
            raise ValueError(
                'model.anchors is set but the batch has no anchor clip: use AnchorDataset and '
                'AnchorBatchSampler with num_anchors of 1 or more'
            )

    def _check_labels(self, samples: list[ActionDataSample]) -> None:
        if not samples:
            raise ValueError('the batch has anchor clips only: give it labelled clips too')
        labels = stack_gt_labels(samples)
        if labels.min() < 0 or labels.max() >= self.cls_head.num_classes:
            raise ValueError(
                f'a label is {int(labels.max())} (smallest {int(labels.min())}), but the head has '
                f'{self.cls_head.num_classes} classes: give the label map of these annotations'
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'CLIPRecognizer':
        super()._apply(fn, recurse)
        if self.teacher is not None and self.teacher is not self.backbone:
            self.teacher._apply(fn)
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Refuse a checkpoint that does not fit, also where the caller would only warn.

        What anchor strategies learnt belongs to training: without anchors it is left out.

        Raises:
            ValueError: Names, shapes or kinds of numbers differ from those of this model, or a tensor has no
                values to copy.
        """
        if self.anchors is None:
            state_dict = {
                key: value for key, value in state_dict.items() if not key.startswith(f'{prefix}anchors.')
            }
        own = {prefix + key: value for key, value in self.state_dict().items()}
        expected = {key: value.shape for key, value in own.items()}
        found = {
            key: getattr(value, 'shape', ()) for key, value in state_dict.items() if key.startswith(prefix)
        }
        identity = f'{prefix}backbone._extra_state'
        problems = [f'{key} is missing' for key in expected if key not in found]
        problems += [f'{key} is unknown' for key in found if key not in expected]
        problems += [
            f'{key} has shape {tuple(found[key])}, not {tuple(shape)}'
            for key, shape in expected.items()
            if found.get(key, shape) != shape and key != identity
        ]
        problems += [
            f'{key} holds {state_dict[key].dtype}, not {value.dtype}'
            for key, value in own.items()
            if isinstance(state_dict.get(key), Tensor)
            and _kind(state_dict[key]) != _kind(value)
            and key != identity
        ]
        if problems:
            raise ValueError(
                f'the checkpoint does not fit the model of the config ({"; ".join(problems[:4])}'
                f'{f"; and {len(problems) - 4} more" if len(problems) > 4 else ""}): use the config '
                'that it was trained with'
            )
        check_tensors({key: value for key, value in state_dict.items() if key in own}, 'the checkpoint')
        self._loading_errors = args[-1]  # of all parts, once the last one is loaded
        super()._load_from_state_dict(state_dict, prefix, *args)


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    """Whether a tensor holds floating point numbers, and complex ones: what copying keeps."""
    return tensor.is_floating_point(), tensor.is_complex()


def _refuse_loading_errors(model: CLIPRecognizer, incompatible_keys: Any) -> None:
    """Raise what PyTorch notes of tensors that it could not copy, of which MMEngine would only warn."""
    errors, model._loading_errors = model._loading_errors, []
    if errors:
        raise ValueError(f'the checkpoint cannot be loaded: {errors[0]}')


def _build_losses(configs: Sequence[dict[str, Any]]) -> nn.ModuleList:
    """The auxiliary losses of ``model.losses``."""
    if not isinstance(configs, list | tuple):
        raise ValueError(
            f'model.losses={configs!r} is no list: write losses=[dict(type=...)], or [] for none'
        )
    losses = nn.ModuleList(MODELS.build(config) for config in configs)
    for number, loss in enumerate(losses):
        if not isinstance(loss, AuxiliaryLoss):
            raise ValueError(
                f'model.losses[{number}] is {type(loss).__name__}, which is no auxiliary loss: give one, '
                "such as dict(type='DualStreamContrastiveLoss')"
            )
    return losses


def _has_prompts(prompt: nn.Module | None) -> bool:
    """Whether a tower has prompts; a prompt of depth 0 is none."""
    return prompt is not None and any(parameter.numel() for parameter in prompt.parameters())
