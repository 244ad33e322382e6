"""Training on features of frames, which the frozen vision tower computes once."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor

from ga2mm.apis.inference import load
from ga2mm.apis.video_features import without_prompts
from ga2mm.engine import progress_bar
from ga2mm.models import CLIPRecognizer
from ga2mm.tensor_files import write_safetensors


def with_frame_features(cfg: Config, file: Path) -> Config:
    """Encode the videos of a run's training once, and give a config that trains on their features.

    Losses and gradients are those of training on the frames, since the pipelines are not random. A video that
    cannot be read gets no features; training replaces it as it replaces an unreadable video.

    Args:
        cfg: Config of a run whose model :func:`~ga2mm.apis.own_config.leaves_vision_alone`. Its training
            pipelines give one clip of a video, the same one each time.
        file: The safetensors file to write: features (T, embed_dim) by path of the video.

    Raises:
        OSError: A list or a label map does not exist, or ``file`` cannot be written.
        ValueError: The config is wrong.
    """
    cfg = copy.deepcopy(cfg)
    model = load(without_prompts(cfg), device=get_device())
    features: dict[str, Tensor] = {}
    for dataset in _datasets(cfg.train_dataloader.dataset):
        features |= _encode(model, cfg, dataset)
        dataset['pipeline'] = [dict(type='LoadFrameFeatures', file=str(file)), dict(type='PackActionInputs')]
    write_safetensors(file, features, {})
    cfg.model.data_preprocessor = dict(type='ActionDataPreprocessor', format_shape='NTC')
    return cfg


def _datasets(config: Any) -> Iterator[dict[str, Any]]:
    """Give the configs of the datasets of videos in a dataset's config, anchors included."""
    if isinstance(config, list | tuple):
        for value in config:
            yield from _datasets(value)
    elif isinstance(config, dict) and 'pipeline' in config:
        yield config
    elif isinstance(config, dict):
        yield from _datasets(list(config.values()))


@torch.no_grad()
def _encode(model: CLIPRecognizer, cfg: Config, dataset: dict[str, Any]) -> dict[str, Tensor]:
    """Compute the frame features of a dataset's readable videos, by path."""
    dataloader = Runner.build_dataloader(
        dict(
            batch_size=cfg.train_dataloader.batch_size,
            num_workers=cfg.train_dataloader.num_workers,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
            dataset=dict(dataset, test_mode=True),  # gives each video, readable or not
        )
    )
    found: dict[str, Tensor] = {}
    with progress_bar() as bar:
        task = bar.add_task('encoding', total=len(dataloader), note='')
        for batch in dataloader:
            data = model.data_preprocessor(batch, training=False)
            frames = model.encode_frames(data['inputs']).cpu()
            for sample, features in zip(data['data_samples'], frames, strict=True):
                for problem in sample.unreadable:
                    print_log(f'no features, unreadable: {problem}', 'current')
                if sample.readable:
                    found[sample.filename] = features
            bar.advance(task)
    return found
