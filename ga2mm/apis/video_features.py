"""t-SNE plots of the video features of test sets before and after tuning."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from ga2mm.apis.inference import load
from ga2mm.checks.config_check import check_config
from ga2mm.engine.protocol_test_sets import IRRELEVANT
from ga2mm.models import CLIPRecognizer
from ga2mm.registry import DATASETS
from ga2mm.structures import get_gt_label
from ga2mm.visualization import VideoSet, save_figure, tsne, tsne_figure

MODELS = ('zero-shot CLIP (before tuning)', 'tuned')

TITLES = {'base': 'base classes (tuned)', 'novel': 'novel classes (never tuned)'}


def draw_video_features(
    cfg: Config, checkpoint: Path, out: Path, videos_per_class: int = 20, seed: int = 0
) -> list[Path]:
    """Plot the features of each test set's videos before and after tuning by t-SNE.

    Args:
        cfg: The config of a run.
        checkpoint: The checkpoint of the run.
        out: Folder of the picture.
        videos_per_class: Maximum number of videos of each class.
        seed: Seed of the video selection and of t-SNE.

    Returns:
        The files of the picture.

    Raises:
        OSError: The checkpoint, a list or a label map does not exist.
        ValueError: The config is wrong or has no test sets, the checkpoint does not belong to it, a test set
            has too few videos, or tuning has not changed their features.
    """
    check_config(cfg)
    test_sets = cfg.get('test_dataloader') or {}
    if not test_sets or 'dataset' in test_sets:
        raise ValueError(f'{cfg.filename} has no test_dataloader=dict(base=dict(...), novel=dict(...))')
    models = load_models(cfg, checkpoint)
    sets = []
    for name, configs in test_sets.items():
        if name == IRRELEVANT:
            continue  # its videos have no classes, hence no colours
        splits = configs if isinstance(configs, list | tuple) else [configs]
        for number, config in enumerate(splits, start=1):
            set_name = name if len(splits) == 1 else f'{name}/{number}'
            sets.append(embed_set(models, config, set_name, videos_per_class, seed))
    title = f'Video features before and after tuning: {Path(cfg.filename).stem}'
    return list(save_figure(tsne_figure(sets, title), out / 'tsne'))


def without_prompts(cfg: Config) -> Config:
    """Give the config of the same frozen CLIP without learnable parameters."""
    cfg = copy.deepcopy(cfg)
    cfg.model.anchors, cfg.model.losses, cfg.model.test_cfg = None, [], None
    cfg.model.cls_head.update(text_prompt=None, coupling=None, vision_prompt=None)
    cfg.model.backbone.frozen = True
    return cfg


def load_models(cfg: Config, checkpoint: Path) -> list[CLIPRecognizer]:
    """Load the frozen CLIP of a config, and the tuned model.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The file is not a checkpoint of this config.
    """
    device = get_device()
    cfg = copy.deepcopy(cfg)
    cfg.model.test_cfg = None  # features do not depend on it
    tuned = load(cfg, checkpoint, device)
    return [load(without_prompts(cfg), device=device), tuned]


def choose_videos(labels: Sequence[int], per_class: int, seed: int) -> list[int]:
    """Sample the indices of at most ``per_class`` videos of each class, in ascending order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = {label: [i for i in order if labels[i] == label][:per_class] for label in set(labels)}
    return sorted(int(index) for indices in by_class.values() for index in indices)


@torch.no_grad()
def video_features(
    models: Sequence[CLIPRecognizer], dataloader: DataLoader, description: str
) -> tuple[list[np.ndarray], np.ndarray]:
    """Compute the unit features (videos, embed_dim) of each model, and give the labels (videos,).

    Features are averaged over a video's clips and crops. Unreadable videos are reported and left out.
    """
    features: list[list[Tensor]] = [[] for _ in models]
    labels: list[int] = []
    for batch in tqdm(dataloader, description, unit='batch'):
        samples = batch['data_samples']
        readable = torch.tensor([sample.get('readable', True) for sample in samples])
        for sample in samples:
            for video in sample.get('unreadable', ()):
                print(f'left out, unreadable: {video}')
        labels += [int(get_gt_label(sample)) for sample, kept in zip(samples, readable, strict=True) if kept]
        for model, found in zip(models, features, strict=True):
            inputs = model.data_preprocessor(batch, training=False)['inputs']
            clips, _ = model.extract_feat(inputs, stage='backbone')
            videos = clips.float().cpu().unflatten(0, (len(samples), -1)).mean(dim=1)
            found.append(F.normalize(videos[readable], dim=-1))
    return [torch.cat(found).numpy() for found in features], np.array(labels)


def embed_set(
    models: Sequence[CLIPRecognizer], config: dict, name: str, videos_per_class: int, seed: int
) -> VideoSet:
    """Compute the t-SNE points of one test set.

    Raises:
        ValueError: There are too few videos, or tuning has not changed their features.
    """
    dataset = DATASETS.build(config['dataset'])
    labels = [dataset.get_data_info(index)['label'] for index in range(len(dataset))]
    dataset.get_subset_(choose_videos(labels, videos_per_class, seed))
    dataloader = Runner.build_dataloader(dict(config, dataset=dataset))
    features, labels = video_features(models, dataloader, name)
    if np.array_equal(*features):
        raise ValueError(
            'video features are the same before and after training: this config does not tune the '
            'vision tower'
        )
    points = [tsne(found, seed) for found in features]
    title = TITLES.get(name, f'{name} classes')
    return VideoSet(title, dataset.metainfo['classes'], labels, dict(zip(MODELS, points, strict=True)))
