"""Classify a video with any class names, or reject it as a video of none of the classes."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmaction.structures import ActionDataSample
from mmengine.config import Config

from ga2mm.apis.config import read_config
from ga2mm.apis.model_file import is_model_file, load_model_file
from ga2mm.apis.prediction import NONE_OF_THESE, predict_items, rank
from ga2mm.apis.prediction_pipeline import PredictionPipeline
from ga2mm.apis.recognizer import build_recognizer
from ga2mm.engine import read_checkpoint, state_dict_of
from ga2mm.models import CLIPRecognizer


def load(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str = 'cpu',
    clip: str | None = None,
) -> CLIPRecognizer:
    """Load a recognizer for inference.

    Args:
        config: A config, or its file, or a model file (``.ga2``).
        checkpoint: The checkpoint of a run; None for a model without learnable parameters and for a model
            file.
        device: The device of the model.
        clip: Place of the weights of a model file's CLIP: see
            :func:`~ga2mm.apis.model_file.load_model_file`.

    Returns:
        The recognizer in evaluation mode, with the config as its ``cfg``. It has no classes yet unless
        the config names them; with a model file it has its classes.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The config or the model file is wrong; or the checkpoint is invalid, does not fit the
            model, or is missing although the model has learnable parameters.
    """
    if not isinstance(config, Config) and is_model_file(config):
        if checkpoint is not None:
            raise ValueError(f'{config} is complete: give it without the checkpoint {checkpoint}')
        return load_model_file(config, device, clip)
    if clip is not None:
        raise ValueError(f'clip={clip!r} is for model files: set model.backbone in the config {config}')
    cfg = config if isinstance(config, Config) else read_config(config)
    state_dict = None if checkpoint is None else state_dict_of(read_checkpoint(checkpoint), checkpoint)
    return build_recognizer(cfg, state_dict, device)


def classify(
    model: CLIPRecognizer,
    video: str | Path,
    class_names: Sequence[str] | None = None,
    none_below: float | None = None,
) -> dict[str, float]:
    """Give the probability of each class name for a video.

    Args:
        model: From :func:`load`.
        video: A video file.
        class_names: Any names; None for the current classes of the model.
        none_below: Threshold from :func:`calibrate_threshold` for these class names. A video whose
            ``max_logit`` does not exceed it is rejected. None to reject no video.

    Returns:
        Probability by class name, the most probable first; ``{NONE_OF_THESE: 1.0}`` for a rejected video.

    Raises:
        UnreadableVideoError: The video cannot be read.
        ValueError: The class names are not a list of distinct names, the threshold is NaN, or the scores are
            NaN or infinite.
    """
    if none_below is not None and math.isnan(none_below):
        raise ValueError('none_below is NaN: give the threshold that calibrate_threshold returns')
    if class_names is not None:
        model.set_classes(class_names)
    found = rank(
        _predict(model, video), model.cls_head.class_names, str(video), model.cls_head.num_classes, none_below
    )
    return dict(found.top) if found.labels else {NONE_OF_THESE: 1.0}


def calibrate_threshold(
    model: CLIPRecognizer,
    anchor_videos: Sequence[str | Path],
    class_names: Sequence[str] | None = None,
    false_accept_rate: float = 0.05,
) -> float:
    """Compute the threshold ``none_below``, such that a given share of irrelevant videos is accepted.

    It is the lowest ``max_logit`` that at most this share of the videos exceeds. It is valid for these class
    names only: with more classes the maximum rises. The share of n videos has a resolution of 1 / n, so a
    rate of 0.05 needs at least 20 videos.

    Args:
        model: From :func:`load`.
        anchor_videos: Files of irrelevant videos, similar to the videos to reject; preferably not training
            videos of the model.
        class_names: Any names; None for the current classes of the model.
        false_accept_rate: Share of irrelevant videos that may be assigned to a class, 0 to 1.

    Raises:
        UnreadableVideoError: A video cannot be read.
        ValueError: There are no videos, the rate is out of range, or the class names are not a list of
            distinct names.
    """
    if isinstance(anchor_videos, str | Path) or not len(anchor_videos):
        raise ValueError(f'anchor_videos={anchor_videos!r}; give a list of files of irrelevant videos')
    if not 0 <= false_accept_rate <= 1:
        raise ValueError(f'false_accept_rate={false_accept_rate}; give a share from 0 to 1, such as 0.05')
    if class_names is not None:
        model.set_classes(class_names)
    scores = [float(_predict(model, video).max_logit) for video in anchor_videos]
    return float(np.quantile(scores, 1 - false_accept_rate, method='inverted_cdf'))


def _predict(model: CLIPRecognizer, video: str | Path) -> ActionDataSample:
    """Predict a video with the current classes."""
    return predict_items(model, [PredictionPipeline(model.cfg).read(video)])[0]
