"""A prompt-tuned CLIP as an MMAction2 recognizer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from mmaction.models import BaseRecognizer
from mmaction.structures import ActionDataSample
from mmengine.dist import all_reduce_dict
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from ga2mm.anchors.negatives import check_no_class
from ga2mm.build import build_part
from ga2mm.models.batch import TrainingBatch, by_shape, check_batch, split_batch
from ga2mm.models.encoded_clips import EncodedClips
from ga2mm.models.frozen_videos import FrozenVideos
from ga2mm.models.recognizers.calibrated_logits import CalibratedLogits
from ga2mm.models.recognizers.strict_loading import StrictLoading
from ga2mm.models.text_encoder import TextEncoder
from ga2mm.models.video_encoder import VideoEncoder, VideoTokens
from ga2mm.objectives import BatchFeatures, Objectives, TuningSetup
from ga2mm.objectives.build_objectives import AnchorArguments, build_objectives
from ga2mm.registry import MODELS
from ga2mm.utils import at_least_float32


@MODELS.register_module()
class CLIPRecognizer(CalibratedLogits, StrictLoading, BaseRecognizer):
    """A recognizer of a CLIP, prompts and objectives, with MMAction2's modes loss, predict and tensor.

    The video encoder encodes clips, the text encoder of the head encodes class names, and the head compares
    their features. Frozen CLIP features come from ``teacher``. This is the backbone itself, or, if the config
    tunes the backbone (``backbone.frozen=False``), a second CLIP with the backbone's initial weights. The
    second CLIP exists only if objectives or ``frozen_share`` use it, and is not part of a checkpoint.

    The feature of a clip is the mean of its frames' features, scaled to unit length, or the output of
    ``temporal``. Objectives other than the classification loss always use the mean. Inputs are
    (B, M, 3, T, H, W), M test clips and crops of T frames each whose scores are averaged
    (``FormatShape(input_format='NCTHW')``), or (B, T, 3, H, W), all frames of a video as one clip
    (``'NCHW'``), or (B, T, embed_dim), the frozen CLIP's features of a clip's frames (``'NTC'``).

    Args:
        backbone: Config of the CLIP.
        cls_head: Config of the head, which owns the prompts.
        anchors: Arguments of :class:`~ga2mm.objectives.build_objectives.AnchorArguments`; None for training
            without anchors.
        losses: Configs of further objectives of ``MODELS``, logged as ``loss_<type>``. Several objectives of
            the same type are logged with a number.
        temporal: Config of the temporal model (see :mod:`ga2mm.experimental`); None for the mean over frames.
        data_preprocessor: As in MMAction2. None for a :class:`~ga2mm.models.ClipDataPreprocessor` with the
            CLIP's own mean and standard deviation and ``format_shape='NCTHW'``.
        train_cfg: As in MMAction2.
        test_cfg: As in MMAction2, and ``frozen_share``, 0 to 1: the weight of the frozen CLIP's logits in
            prediction. This logit averaging (0.5 for equal weights) needs no training. A tuned logit scale
            applies to both. Source: the ensembles of WiSE-FT (arXiv 2109.01903), applied to logits.
            ``anchor_calibration``: arguments of
            :class:`~ga2mm.models.heads.anchor_calibration.AnchorCalibration`; None for no calibration.

    Raises:
        FileNotFoundError: The file of negatives does not exist.
        ValueError: ``frozen_share`` is not from 0 to 1, an argument of ``anchor_calibration`` is wrong,
            ``anchors`` has no strategy, a strategy uses negatives and there are none, or ``losses`` contains
            something other than objectives.
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
        # The parts' types have no scope prefix, and the recognizer may be built from another scope.
        with DefaultScope.overwrite_default_scope('ga2mm'):
            clip = MODELS.build(backbone)
            if data_preprocessor is None:
                mean, std = clip.pixel_mean_std
                data_preprocessor = dict(
                    type='ClipDataPreprocessor', mean=mean, std=std, format_shape='NCTHW'
                )
            # Skips BaseRecognizer's constructor, which builds the parts independently of each other.
            BaseModel.__init__(self, data_preprocessor=MODELS.build(data_preprocessor))
            self.backbone = clip
            self.cls_head = head = MODELS.build(dict(cls_head, clip=clip))
            self.temporal = temporal and build_part(MODELS, temporal, embed_dim=clip.embed_dim)
            given = None if anchors is None else AnchorArguments(**anchors)
            self.negatives, self.negative_templates = ([], ()) if given is None else given.read_negatives()
            self.log_grad_norm = given is not None and given.log_grad_norm
            strategies = () if given is None else given.strategies
            objectives = build_objectives(head.loss_cls, losses, strategies, embed_dim=clip.embed_dim)
            self.objectives = Objectives(objectives, self._setup())
        self.backbone_from = 'mmaction2'
        self.train_cfg, self.test_cfg = train_cfg, test_cfg
        self.frozen_share = (test_cfg or {}).get('frozen_share', 0.0)
        if not 0 <= self.frozen_share <= 1:
            raise ValueError(f'model.test_cfg.frozen_share={self.frozen_share}: give a number from 0 to 1')
        self.set_calibration((test_cfg or {}).get('anchor_calibration'))
        teacher = clip if clip.frozen else None
        if not clip.frozen and (self.frozen_share > 0 or self.objectives.use_frozen):
            with DefaultScope.overwrite_default_scope('ga2mm'):
                teacher = MODELS.build(dict(backbone, frozen=True))
        # Bypasses nn.Module's attribute handling, which would put a second CLIP into the checkpoint.
        object.__setattr__(self, 'teacher', teacher)
        uses = () if head.text_prompt is None else head.text_prompt.uses
        self.video_encoder = VideoEncoder(clip, head.vision_prompt, self.temporal, 'layers' in uses)
        if teacher is not None:
            self.frozen_video_encoder = VideoEncoder(teacher)
            self.frozen_videos = FrozenVideos(self.frozen_video_encoder)
            self.frozen_text_encoder = TextEncoder(teacher, templates=head.text_encoder.templates)
        self.raise_loading_errors()

    def _setup(self) -> TuningSetup:
        """Describe which towers learn."""
        clip, head = self.backbone, self.cls_head
        return TuningSetup(
            vision_learns=not clip.frozen or _has_prompts(head.vision_prompt),
            text_learns=not clip.frozen or _has_prompts(head.text_prompt),
            num_negatives=len(self.negatives),
        )

    def set_classes(self, class_names: Sequence[str]) -> None:
        """Set the class names; the learnt parameters do not change.

        Raises:
            ValueError: The list is empty, or a name is empty or occurs twice.
        """
        self.cls_head.set_classes(class_names)

    def loss(self, inputs: Tensor, data_samples: list[ActionDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Compute the losses and accuracies of a batch of labelled clips and anchor clips.

        Raises:
            ValueError: The batch has anchor clips and no strategy uses them, or the reverse; a label is not
                among the classes; a negative is one of the classes.
        """
        batch = split_batch(self._to_clips(inputs), data_samples)
        self.cls_head.check_classes()
        check_batch(batch, self.cls_head.num_classes, self.objectives.use_anchors)
        batch = replace(batch, labels=batch.labels.to(batch.clips.device, non_blocking=True))
        features = self._encode(batch)
        with torch.autocast(inputs.device.type, enabled=False):
            losses = self.objectives(features)
            losses.update(self._grad_norms(losses))
        return losses | self.cls_head.accuracies(features.logits, features.labels)

    def _encode(self, batch: TrainingBatch) -> BatchFeatures:
        """Compute the features of a batch that the objectives use."""
        uses, head, labelled = self.objectives.uses, self.cls_head, len(batch.labels)
        videos = self.video_encoder(batch.clips)
        texts = self._encode_texts(videos, labelled)
        scale = at_least_float32(self.backbone.logit_scale)
        feats = self.video_encoder.pool(videos.frames[:labelled], texts['classes'])
        found = dict(
            texts,
            clips=videos.features[:labelled],
            labels=batch.labels,
            logits=head(feats, texts['classes'], scale),
            logit_scale=scale,
            videos=videos.features[labelled:],
        )
        if 'frozen_clips' in uses:
            found['frozen_clips'] = self.frozen_videos(batch.clips[:labelled], batch.labelled_frames)
        if 'frozen_videos' in uses:
            found['frozen_videos'] = self.frozen_videos(batch.clips[labelled:], batch.anchor_frames)
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
            # In one pass, so that all names have the same dropout of the coupling.
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

    def _grad_norms(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        if not self.log_grad_norm:
            return {}
        learnt = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return self.objectives.grad_norms(losses, learnt)

    def predict(
        self, inputs: Tensor | list[Tensor], data_samples: list[ActionDataSample], **kwargs: Any
    ) -> list[ActionDataSample]:
        """Predict a batch, and give the samples with their predictions, as in MMAction2.

        Videos of different numbers of frames or views are a list; none is padded.
        """
        for places, part in by_shape(inputs):
            samples = [data_samples[place] for place in places]
            self.cls_head.predict_by_feat(self.calibrated(self.encode_clips(part)), samples)
        return data_samples

    def predict_offers(
        self,
        inputs: Tensor | list[Tensor],
        data_samples: list[ActionDataSample],
        offers: Sequence[Sequence[str]],
    ) -> list[list[ActionDataSample]]:
        """Predict separately with several lists of classes, encoding the videos once.

        Args:
            inputs: Normalised frames, see the class, or a list of videos of different shapes.
            data_samples: Samples of the batch; they are not changed.
            offers: Lists of class names. The model keeps the last one.

        Returns:
            The samples with their predictions, for each list.
        """
        encoded = [(places, self.encode_clips(part)) for places, part in by_shape(inputs)]
        predictions = []
        for class_names in offers:
            self.set_classes(class_names)
            samples = [sample.clone() for sample in data_samples]
            for places, clips in encoded:
                self.cls_head.predict_by_feat(self.calibrated(clips), [samples[place] for place in places])
            predictions.append(samples)
        return predictions

    def extract_feat(
        self,
        inputs: Tensor,
        stage: str = 'neck',
        data_samples: list[ActionDataSample] | None = None,
        test_mode: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give unit features (B · M, embed_dim) of videos, and the other arguments of the head.

        A model without class names and ``cfg`` gives the features only, such as in ``get_flops.py``. With a
        temporal model that is guided by the classes, features are (B · M, classes, embed_dim).

        Args:
            inputs: Normalised frames, see the class.
            stage: MMAction2's name of the output: ``'backbone'`` for means over frames only, ``'neck'`` for
                the output of the temporal model and the head's arguments, ``'head'`` for logits
                (B · M, classes).
            data_samples, test_mode: Accepted as in MMAction2, without effect.
        """
        clips = self.encode_clips(inputs)
        if stage == 'backbone':
            return clips.features, {}
        if stage == 'head':
            return self.calibrated(clips), {}
        if not (self.cls_head.class_names or hasattr(self, 'cfg') or self.temporal):
            return clips.features, {}
        classes = self._class_features(clips)
        return self._pool(clips, classes), dict(class_features=classes, logit_scale=self.backbone.logit_scale)

    def encode_frames(self, inputs: Tensor) -> Tensor:
        """Give the features (B · M, T, embed_dim) of the frames of videos, not normalised."""
        return self.video_encoder(self._to_clips(inputs)).frames

    def encode_clips(self, inputs: Tensor) -> EncodedClips:
        """Encode the B · M clips of videos for the comparison with classes.

        The frozen CLIP encodes them too if its logits are averaged in and the model is in evaluation mode.
        """
        clips = self._to_clips(inputs)
        videos, frozen = self.video_encoder(clips), None
        if self.frozen_share and not self.training:
            with torch.no_grad():
                frozen = self.frozen_video_encoder(clips).features
        frames = None if self.temporal is None else videos.frames
        return EncodedClips(videos.features, frames, self.cls_head.text_encoder.condition(videos), frozen)

    def _name_classes(self) -> None:
        """Take the class names of ``cfg``, which MMAction2's functions set, if there are none."""
        if not self.cls_head.class_names and getattr(self, 'cfg', None) is not None:
            from ga2mm.apis.model_file import classes_of

            self.set_classes(classes_of(self.cfg))
        self.cls_head.check_classes()

    def _class_features(self, clips: EncodedClips) -> Tensor:
        self._name_classes()
        return self.cls_head.text_encoder.encode_cached(self.cls_head.class_names, clips.condition)

    def _pool(self, clips: EncodedClips, classes: Tensor) -> Tensor:
        return clips.features if clips.frames is None else self.video_encoder.pool(clips.frames, classes)

    def compare(self, clips: EncodedClips) -> Tensor:
        """Compute logits (B, classes), averaged with the frozen CLIP's if its features are given."""
        head, scale, share = self.cls_head, self.backbone.logit_scale, self.frozen_share
        classes = self._class_features(clips)
        logits = head(self._pool(clips, classes), classes, scale)
        if clips.frozen is None:
            return logits
        frozen_classes = self.frozen_text_encoder.encode_in_templates(head.class_names)
        return (1 - share) * logits + share * head(clips.frozen, frozen_classes, scale)

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Parse losses as MMEngine does, but log the means over all processes, not only the first."""
        loss, log_vars = super().parse_losses(losses)
        log_vars = {key: value.detach().clone().float() for key, value in log_vars.items()}
        all_reduce_dict(log_vars, op='mean')
        return loss, log_vars

    def _to_clips(self, inputs: Tensor) -> Tensor:
        """Reshape inputs to clips (B · M, T, 3, H, W); features of frames (B, T, embed_dim) stay."""
        if isinstance(inputs, list):
            raise ValueError(
                f'the videos of a batch have different shapes, such as {tuple(inputs[0].shape)}: only tests '
                'and predictions take them; set clip_len, num_clips and the crop sizes in the pipeline'
            )
        expected = {'NCTHW': 6, 'NCHW': 5, 'NTC': 3}.get(getattr(self.data_preprocessor, 'format_shape', ''))
        if inputs.dim() != (expected or inputs.dim()):
            raise ValueError(
                f'inputs have shape {tuple(inputs.shape)}, but the data_preprocessor expects '
                f"{self.data_preprocessor.format_shape}: set the same format in the pipeline's FormatShape"
            )
        return inputs.flatten(0, 1).transpose(1, 2) if inputs.dim() == 6 else inputs

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'CLIPRecognizer':
        super()._apply(fn, recurse)
        if self.teacher is not None and self.teacher is not self.backbone:
            self.teacher._apply(fn)
        if self.teacher is not None:
            self.frozen_videos.clear()
        return self


def _has_prompts(prompt: nn.Module | None) -> bool:
    """Check whether a tower has prompts; a learner of depth 0 has none."""
    return prompt is not None and any(parameter.numel() for parameter in prompt.parameters())
