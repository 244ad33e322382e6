"""Classify a video with any class names."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope

from ga2mm.apis.hard_prompt import state_dict_of
from ga2mm.apis.run import learns, test_datasets
from ga2mm.engine import read_checkpoint
from ga2mm.models import CLIPRecognizer
from ga2mm.registry import MODELS
from ga2mm.structures import get_scores


def init_recognizer(
    config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu'
) -> CLIPRecognizer:
    """A recognizer ready to classify.

    Args:
        config: A config, or its file.
        checkpoint: What a run learnt; None for a config that learns nothing.
        device: Where to put it.

    Returns:
        The recognizer in evaluation mode, with the config as its ``cfg``. It knows no classes yet unless
        the config names them.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It is none, does not fit, or is missing though the config learns prompts.
    """
    cfg = config if isinstance(config, Config) else Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'ga2mm'))
    model = MODELS.build(cfg.model)
    if checkpoint is not None:
        model.load_state_dict(state_dict_of(read_checkpoint(checkpoint), checkpoint))
    elif learns(model):
        raise ValueError('this config learns prompts: give a checkpoint')
    model.cfg = cfg
    return model.to(device).eval()


@torch.no_grad()
def classify_video(
    model: CLIPRecognizer, video: str | Path, class_names: Sequence[str] | None = None
) -> dict[str, float]:
    """Probabilities of class names for a video.

    Args:
        model: From :func:`init_recognizer`.
        video: A video file.
        class_names: Any names; None for those that the model was given before.

    Returns:
        Probability by class name, the most probable first.

    Raises:
        UnreadableVideoError: The video cannot be read.
        ValueError: The class names are no list of distinct names.
    """
    if class_names is not None:
        model.set_classes(class_names)
    loader = model.cfg.test_dataloader
    dataset = loader.dataset if 'dataset' in loader else next(iter(test_datasets(model.cfg).values()))
    item = Compose(dataset.pipeline)(dict(filename=str(video), label=-1, start_index=0, modality='RGB'))
    scores = get_scores(model.test_step(pseudo_collate([item]))[0]).tolist()
    ranked = sorted(zip(model.cls_head.class_names, scores, strict=True), key=lambda pair: -pair[1])
    return dict(ranked)
