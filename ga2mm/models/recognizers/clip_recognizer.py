"""Prompt-tuned CLIP as an MMAction2 recognizer."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmaction.models import BaseRecognizer
from mmaction.structures import ActionDataSample
from mmengine.dist import all_reduce_dict
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope, Registry
from torch import Tensor, nn

from ga2mm.anchors.negatives import check_no_class, read_negatives
from ga2mm.models.batch import TrainingBatch, split_batch
from ga2mm.models.build import build_part
from ga2mm.models.text_encoder import TextEncoder
from ga2mm.models.video_encoder import VideoEncoder, VideoTokens
from ga2mm.objectives import BatchFeatures, ClassificationLoss, Objective, Objectives, TuningSetup
from ga2mm.objectives.objective import NEGATIVE_FEATURES
from ga2mm.registry import ANCHOR_STRATEGIES, MODELS
from ga2mm.tensor_files import check_tensors
from ga2mm.utils import at_least_float32, numbered


@dataclass
class AnchorArguments:
    """What a config gives as ``model.anchors``.

    Args:
        strategies: Configs of objectives of ``ANCHOR_STRATEGIES``, logged as ``loss_anchor_<type>``. Of
            several
            of one type each is logged with its number: ``loss_anchor_Margin_1``.
        negatives: Names that go where a class name goes: ``['else']``, or a dict of arguments of
            :func:`~ga2mm.anchors.negatives.read_negatives`. Needed where a strategy uses them.
        log_grad_norm: Log the norm of each strategy's gradient, at the cost of a backward pass for each.

    Raises:
        ValueError: There is no strategy, or the negatives are no list.
    """

    strategies: Sequence[dict[str, Any]]
    negatives: Sequence[str] | dict[str, Any] = ()
    log_grad_norm: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.negatives, str) or not self.strategies:
            raise ValueError(
                'model.anchors needs a list of negatives and a list of strategies, such as '
                "negatives=['else'], strategies=[dict(type='FeatureConsistency')]"
            )

    def read_negatives(self) -> tuple[list[str], tuple[str, ...]]:
        """Give the negatives and their templates."""
        if not self.negatives:
            return [], ()
        source = self.negatives if isinstance(self.negatives, dict) else dict(names=self.negatives)
        return read_negatives(**source)


@MODELS.register_module()
class CLIPRecognizer(BaseRecognizer):
    """A CLIP, prompts and objectives, with MMAction2's modes loss, predict and tensor.

    The video encoder gives features of clips, the text encoder of the head gives features of class names, and
    the head compares them. Frozen features come from ``teacher``: the backbone itself, or where the config
    tunes that (``backbone.frozen=False``), another CLIP with the weights that the backbone started from. The
    model keeps it only if objectives or ``frozen_share`` use it, and in no checkpoint.

    The feature of a clip is the mean of its frames' features, scaled to unit length, or what ``temporal``
    makes of them; objectives other than the classification loss see the mean. Inputs are (B, M, 3, T, H, W),
    M test clips and crops of T frames each whose scores are averaged (``FormatShape(input_format='NCTHW')``),
    or (B, T, 3, H, W), all frames of a video as one clip (``'NCHW'``).

    Args:
        backbone: Config of the CLIP.
        cls_head: Config of the head, which owns the prompts.
        anchors: Arguments of :class:`AnchorArguments`; None for training without anchors.
        losses: Configs of other objectives, of ``MODELS``, logged as ``loss_<type>``. Of several of one type
            each is logged with its number.
        temporal: Config of the temporal model (:mod:`ga2mm.models.temporal`); None for the mean over frames.
        data_preprocessor: As in MMAction2. None for one with the CLIP's own mean and standard deviation
            and ``format_shape='NCTHW'``.
        train_cfg: As in MMAction2.
        test_cfg: As in MMAction2, and ``frozen_share``, 0 to 1: how much of the logits is the frozen CLIP's
            when predicting. Logit averaging, half and half, costs no training. A tuned logit scale is that
            of both. Source: the ensembles of WiSE-FT (arXiv 2109.01903), of logits here.

    Raises:
        FileNotFoundError: There is no such file of negatives.
        ValueError: ``frozen_share`` is not from 0 to 1, there is no strategy, a strategy uses negatives and
            there are none, or ``losses`` holds something else.
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
            self.cls_head = head = MODELS.build(dict(cls_head, clip=clip))
            self.temporal = temporal and build_part(MODELS, temporal, embed_dim=clip.embed_dim)
            given = None if anchors is None else AnchorArguments(**anchors)
            self.negatives, self.negative_templates = ([], ()) if given is None else given.read_negatives()
            self.log_grad_norm = given is not None and given.log_grad_norm
            self.objectives = self._build_objectives(() if given is None else given.strategies, losses)
        self.backbone_from = 'mmaction2'
        self.train_cfg, self.test_cfg = train_cfg, test_cfg
        self.frozen_share = (test_cfg or {}).get('frozen_share', 0.0)
        if not 0 <= self.frozen_share <= 1:
            raise ValueError(f'model.test_cfg.frozen_share={self.frozen_share}: give a number from 0 to 1')
        teacher = clip if clip.frozen else None
        if not clip.frozen and (self.frozen_share > 0 or self.objectives.use_frozen):
            with DefaultScope.overwrite_default_scope('ga2mm'):
                teacher = MODELS.build(dict(backbone, frozen=True))
        # Past nn.Module's own attribute handling, which would put a second CLIP into the checkpoint.
        object.__setattr__(self, 'teacher', teacher)
        uses = () if head.text_prompt is None else head.text_prompt.uses
        self.video_encoder = VideoEncoder(clip, head.vision_prompt, self.temporal, 'layers' in uses)
        if teacher is not None:
            self.frozen_video_encoder = VideoEncoder(teacher)
            self.frozen_text_encoder = TextEncoder(teacher, templates=head.text_encoder.templates)
        self._loading_errors: list[str] = []
        self.register_load_state_dict_post_hook(_refuse_loading_errors)

    def _build_objectives(
        self, strategies: Sequence[dict[str, Any]], losses: Sequence[dict[str, Any]]
    ) -> Objectives:
        clip, head = self.backbone, self.cls_head
        objectives = {'loss_cls': ClassificationLoss(head.loss_cls)}
        for key, prefix, registry, configs in (
            ('model.losses', 'loss_', MODELS, losses),
            ('model.anchors.strategies', 'loss_anchor_', ANCHOR_STRATEGIES, strategies),
        ):
            built = _build_list(key, registry, configs, embed_dim=clip.embed_dim)
            names = numbered([f'{prefix}{type(one).__name__}' for one in built])
            objectives.update(zip(names, built, strict=True))
        if not self.negatives and any(NEGATIVE_FEATURES & set(one.uses) for one in objectives.values()):
            raise ValueError("model.anchors needs a list of negatives, such as negatives=['else']")
        setup = TuningSetup(
            vision_learns=not clip.frozen or _has_prompts(head.vision_prompt),
            text_learns=not clip.frozen or _has_prompts(head.text_prompt),
            num_negatives=len(self.negatives),
        )
        return Objectives(objectives, setup)

    def set_classes(self, class_names: Sequence[str]) -> None:
        """Offer these classes from now on, keeping what was learnt.

        Raises:
            ValueError: There is no name, an empty one, or one twice.
        """
        self.cls_head.set_classes(class_names)

    def loss(self, inputs: Tensor, data_samples: list[ActionDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Give what every objective says of a batch of labelled clips and anchor clips.

        Raises:
            ValueError: The batch has anchor clips and no strategy uses them, or the other way round; a label
                is not among the classes; a negative is one of the classes.
        """
        batch = split_batch(self._to_clips(inputs), data_samples)
        self._check(batch)
        features = self._encode(batch)
        with torch.autocast(inputs.device.type, enabled=False):
            losses = self.objectives(features)
            if self.log_grad_norm:
                learnt = [parameter for parameter in self.parameters() if parameter.requires_grad]
                losses.update(self.objectives.grad_norms(losses, learnt))
        return losses | self.cls_head.accuracies(features.logits, features.labels)

    def _encode(self, batch: TrainingBatch) -> BatchFeatures:
        """Compute the features of a batch that objectives use."""
        uses, head, labelled = self.objectives.uses, self.cls_head, len(batch.labels)
        videos = self.video_encoder(batch.clips)
        texts = self._encode_texts(videos, labelled)
        scale = at_least_float32(self.backbone.logit_scale)
        feats = self.video_encoder.pool(videos.frames[:labelled], texts['classes'])
        found = dict(
            texts,
            clips=videos.features[:labelled],
            labels=batch.labels.to(feats.device),
            logits=head(feats, texts['classes'], scale),
            logit_scale=scale,
            videos=videos.features[labelled:],
        )
        with torch.no_grad():
            if 'frozen_clips' in uses:
                found['frozen_clips'] = self.frozen_video_encoder(batch.clips[:labelled]).features
            if 'frozen_videos' in uses:
                found['frozen_videos'] = self.frozen_video_encoder(batch.clips[labelled:]).features
        if 'frozen_classes' in uses:
            found['frozen_classes'] = self.frozen_text_encoder.encode_in_templates(head.class_names)
        if 'negatives' in uses:
            found['negatives'] = self.frozen_text_encoder.encode_in_templates(
                self.negatives, self.negative_templates
            )
        return BatchFeatures(**found)

    def _encode_texts(self, videos: VideoTokens, labelled: int) -> dict[str, Any]:
        """Compute the prompted features of classes and negatives."""
        uses, encoder = self.objectives.uses, self.cls_head.text_encoder
        names, negatives = list(self.cls_head.class_names), self.negatives
        check_no_class(negatives, names)
        condition = encoder.condition(videos)
        found: dict[str, Any] = dict(condition=condition)
        if condition is None and encoder.prompt is not None and 'prompted_negatives' in uses:
            # One pass, so that the coupling's dropout is the same for all names.
            both = encoder.encode([*names, *negatives])
            found['classes'], found['prompted_negatives'] = both.split([len(names), len(negatives)])
        else:
            clips, anchors = (
                (None, None) if condition is None else (condition[:labelled], condition[labelled:])
            )
            if 'prompted_negatives' in uses:
                found['prompted_negatives'] = encoder.encode(negatives, anchors, self.negative_templates)
            found['classes'] = encoder.encode(names, clips)
            if 'video_classes' in uses and anchors is not None:
                found['video_classes'] = encoder.encode(names, anchors)
        return {'video_classes': found['classes'], **found}

    def predict(
        self, inputs: Tensor, data_samples: list[ActionDataSample], **kwargs: Any
    ) -> list[ActionDataSample]:
        """Give the samples with their predictions, as in MMAction2."""
        return self.cls_head.predict_by_feat(self._logits(*self._watch(inputs)), data_samples)

    def predict_offers(
        self, inputs: Tensor, data_samples: list[ActionDataSample], offers: Sequence[Sequence[str]]
    ) -> list[list[ActionDataSample]]:
        """Predict with several lists of classes, each offered on its own, encoding the videos once.

        Args:
            inputs: Normalised frames, see the class.
            data_samples: Samples of the batch; they are left as they are.
            offers: Lists of class names. The last one stays set.

        Returns:
            Of each list the samples with their predictions.
        """
        watched = self._watch(inputs)
        predictions = []
        for class_names in offers:
            self.set_classes(class_names)
            samples = [sample.clone() for sample in data_samples]
            predictions.append(self.cls_head.predict_by_feat(self._logits(*watched), samples))
        return predictions

    def extract_feat(
        self,
        inputs: Tensor,
        stage: str = 'neck',
        data_samples: list[ActionDataSample] | None = None,
        test_mode: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give unit features (B · M, embed_dim) of videos, and the head's other arguments.

        A temporal model guided by the classes gives (B · M, classes, embed_dim).

        Args:
            inputs: Normalised frames, see the class.
            stage: ``'backbone'`` for means over frames alone, ``'neck'`` for the output of the temporal model
                and the head's arguments, ``'head'`` for logits (B · M, classes), as MMAction2 names them.
            data_samples, test_mode: Accepted as in MMAction2, without effect.
        """
        videos, frozen = self._watch(inputs)
        if stage == 'backbone':
            return videos.features, {}
        if stage == 'head':
            return self._logits(videos, frozen), {}
        classes = self._class_features(videos)
        feats = self.video_encoder.pool(videos.frames, classes)
        return feats, {'class_features': classes, 'logit_scale': self.backbone.logit_scale}

    def _watch(self, inputs: Tensor) -> tuple[VideoTokens, Tensor | None]:
        """Encode videos, where logits are averaged with the frozen CLIP too."""
        clips = self._to_clips(inputs)
        videos = self.video_encoder(clips)
        if self.training or not self.frozen_share:
            return videos, None
        with torch.no_grad():
            return videos, self.frozen_video_encoder(clips).features

    def _class_features(self, videos: VideoTokens) -> Tensor:
        self.cls_head.check_classes()
        encoder = self.cls_head.text_encoder
        return encoder.encode_cached(self.cls_head.class_names, encoder.condition(videos))

    def _logits(self, videos: VideoTokens, frozen: Tensor | None) -> Tensor:
        """Logits (B · M, classes), averaged with the frozen CLIP's where its features are given."""
        head, scale, share = self.cls_head, self.backbone.logit_scale, self.frozen_share
        classes = self._class_features(videos)
        logits = head(self.video_encoder.pool(videos.frames, classes), classes, scale)
        if frozen is None:
            return logits
        frozen_classes = self.frozen_text_encoder.encode_in_templates(head.class_names)
        return (1 - share) * logits + share * head(frozen, frozen_classes, scale)

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Parse as MMEngine does, but log the mean over all processes, not the first one's."""
        loss, log_vars = super().parse_losses(losses)
        log_vars = {key: value.detach().clone().float() for key, value in log_vars.items()}
        all_reduce_dict(log_vars, op='mean')
        return loss, log_vars

    def _to_clips(self, inputs: Tensor) -> Tensor:
        """Clips (B · M, T, 3, H, W)."""
        expected = {'NCTHW': 6, 'NCHW': 5}.get(getattr(self.data_preprocessor, 'format_shape', ''))
        if inputs.dim() != (expected or inputs.dim()):
            raise ValueError(
                f'inputs have shape {tuple(inputs.shape)}, but the data_preprocessor expects '
                f"{self.data_preprocessor.format_shape}: set the same format in the pipeline's FormatShape"
            )
        return inputs if inputs.dim() == 5 else inputs.flatten(0, 1).transpose(1, 2)

    def _check(self, batch: TrainingBatch) -> None:
        self.cls_head.check_classes()
        anchors, labels = len(batch.clips) - len(batch.labels), batch.labels
        if anchors and not self.objectives.use_anchors:
            raise ValueError(
                'the batch has anchor clips but no strategy of model.anchors uses them: set model.anchors, '
                'or num_anchors of AnchorBatchSampler to 0'
            )
        if not anchors and self.objectives.use_anchors:
            raise ValueError(
                'model.anchors is set but the batch has no anchor clip: use AnchorDataset and '
                'AnchorBatchSampler with num_anchors of 1 or more'
            )
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

        What objectives learnt belongs to training: a model whose objectives learn nothing leaves it out.

        Raises:
            ValueError: Names, shapes or kinds of numbers differ from those of this model, or a tensor has no
                values to copy.
        """
        self._to_this_version(state_dict, prefix)
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

    def _to_this_version(self, state_dict: dict[str, Tensor], prefix: str) -> None:
        """Rename what objectives learnt as older versions named it; drop it where no objective learns."""
        own = [prefix + key for key in self.state_dict() if key.startswith('objectives.')]
        old = re.compile(rf'{re.escape(prefix)}anchors\.strategies\.\d+(\..+)')
        for key in list(state_dict):
            match = old.fullmatch(key)
            if match:
                unknown = f'{prefix}objectives{match[1]}'
                name = next((name for name in own if name.endswith(match[1])), unknown)
                state_dict[name] = state_dict.pop(key)
                key = name
            if not own and key.startswith(f'{prefix}objectives.'):
                del state_dict[key]


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    """Whether a tensor holds floating point numbers, and complex ones: what copying keeps."""
    return tensor.is_floating_point(), tensor.is_complex()


def _refuse_loading_errors(model: CLIPRecognizer, incompatible_keys: Any) -> None:
    """Raise what PyTorch notes of tensors that it could not copy, of which MMEngine would only warn."""
    errors, model._loading_errors = model._loading_errors, []
    if errors:
        raise ValueError(f'the checkpoint cannot be loaded: {errors[0]}')


def _build_list(
    key: str, registry: Registry, configs: Sequence[dict[str, Any]], **given: Any
) -> list[Objective]:
    """Build the objectives of a list in the config."""
    if not isinstance(configs, list | tuple):
        raise ValueError(f'{key}={configs!r} is no list: write [dict(type=...)], or [] for none')
    built = [build_part(registry, dict(config, _scope_='ga2mm'), **given) for config in configs]
    for number, one in enumerate(built):
        if not isinstance(one, Objective):
            raise ValueError(
                f'{key}[{number}] is {type(one).__name__}, which is no objective: give one, such as '
                "dict(type='SelfConsistency')"
            )
    return built


def _has_prompts(prompt: nn.Module | None) -> bool:
    """Whether a tower has prompts; a prompt of depth 0 is none."""
    return prompt is not None and any(parameter.numel() for parameter in prompt.parameters())
