"""Training on features of frames, which the frozen vision tower computes once for all runs."""

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.runner import Runner

from ga2mm.apis.inference import load
from ga2mm.apis.video_features import without_prompts
from ga2mm.datasets.frame_features import KEY, features_file
from ga2mm.engine import progress_bar
from ga2mm.models import CLIPRecognizer
from ga2mm.registry import DATASETS
from ga2mm.tensor_files import write_safetensors
from ga2mm.utils import replace_when_written
from ga2mm.version import __version__


def with_frame_features(cfg: Config, folder: Path) -> Config:
    """Encode the videos of a run's training once, and give a config that trains on their features.

    Losses and gradients are those of training on the frames, since the pipelines are not random. A video that
    cannot be read gets no features; training replaces it as it replaces an unreadable video.

    Runs share the features: those of the same CLIP, pipeline and version of ga2mm are in one folder in
    ``folder``, with one file (T, embed_dim) for each video. Only videos without a file are encoded.

    Args:
        cfg: Config of a run whose model :func:`~ga2mm.apis.own_config.leaves_vision_alone`. Its training
            pipelines give one clip of a video, the same one each time.
        folder: The folder of features.

    Raises:
        OSError: A list or a label map does not exist, or ``folder`` cannot be written.
        ValueError: The config is wrong.
    """
    cfg = copy.deepcopy(cfg)
    model = load(without_prompts(cfg), device=get_device())
    for dataset in _datasets(cfg.train_dataloader.dataset):
        of_pipeline = folder.resolve() / _identity(model, cfg, dataset['pipeline'])
        _encode(model, cfg, dataset, of_pipeline)
        dataset['pipeline'] = [
            dict(type='LoadFrameFeatures', folder=str(of_pipeline)),
            dict(type='PackActionInputs'),
        ]
    cfg.model.data_preprocessor = dict(type='ClipDataPreprocessor', format_shape='NTC')
    return cfg


def _identity(model: CLIPRecognizer, cfg: Config, pipeline: Any) -> str:
    """Give a name for all that the features of a video depend on, apart from the video."""
    what = [__version__, model.backbone.identity, cfg.model.get('data_preprocessor'), pipeline]
    return hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode()).hexdigest()[:16]


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
def _encode(model: CLIPRecognizer, cfg: Config, dataset: dict[str, Any], folder: Path) -> None:
    """Write the frame features of a dataset's readable videos that have none yet."""
    built: BaseDataset = DATASETS.build(dict(dataset, test_mode=True))  # gives each video, readable or not
    lacking = [
        number
        for number in range(len(built))
        if not _has_features(folder, built.get_data_info(number)['filename'])
    ]
    if not lacking:
        return
    # In place: MMEngine's copy finds freed objects by their ids, and then a transform may become a dataset.
    built.get_subset_(lacking)
    dataloader = Runner.build_dataloader(
        dict(
            batch_size=cfg.train_dataloader.batch_size,
            num_workers=cfg.train_dataloader.num_workers,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
            dataset=built,
        )
    )
    with progress_bar() as bar:
        task = bar.add_task('encoding', total=len(dataloader), note='')
        for batch in dataloader:
            data = model.data_preprocessor(batch, training=False)
            frames = model.encode_frames(data['inputs']).cpu()
            for sample, features in zip(data['data_samples'], frames, strict=True):
                for problem in sample.unreadable:
                    print_log(f'no features, unreadable: {problem}', 'current')
                if sample.readable:
                    with replace_when_written(features_file(folder, sample.filename)) as temporary:
                        write_safetensors(temporary, {KEY: features}, {})
            bar.advance(task)


def _has_features(folder: Path, video: str) -> bool:
    try:
        return features_file(folder, video).is_file()
    except OSError:  # a missing video is reported by the dataset
        return False
