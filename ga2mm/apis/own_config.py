"""Config of a run on a user's own videos, made from the packaged config of a method."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
from mmengine.config import Config

from ga2mm.apis.config import read_config
from ga2mm.apis.own_lists import OwnLists
from ga2mm.checks.runner_keys import runner_keys
from ga2mm.configs import CONFIGS
from ga2mm.models.clip.loading import has_own_weights, weights_file
from ga2mm.registry import MODELS

PRESETS = {
    'fast': ('ViT-B-32-quickgelu:openai', 8),
    'b16x8': ('ViT-B-16-quickgelu:openai', 8),
    'b16x16': ('ViT-B-16-quickgelu:openai', 16),
    'b16x32': ('ViT-B-16-quickgelu:openai', 32),
    'miniature': ('miniature', 4),
}
"""CLIP and number of frames of each preset."""

STEPS = 12
"""Steps of an epoch at least; clips are repeated. Design choice: as in the miniature world."""

NEGATIVES = ['else']
"""Names of no class that go with a user's anchor videos, as in the released recipe."""


@dataclass(frozen=True)
class OwnRun:
    """Choices of a run on a user's own videos.

    Args:
        clip: ``NAME:TAG`` of OpenCLIP, ``NAME:FILE``, a file of weights for the preset's architecture, a
            folder as OpenCLIP's ``save_pretrained`` writes it, ``hf-hub:ORG/REPO`` or ``miniature``; None
            for the preset's.
        preset: A key of ``PRESETS``.
        method: Name of a method; None for :func:`default_method`.
        hard_prompt: File of a hard prompt, coupled to the text prompt.
        anchors: Folder of irrelevant videos.
        seed: Seed of the run.
        calibration: Strength of :class:`~ga2mm.models.heads.anchor_calibration.AnchorCalibration` by training
            clips with shuffled patches, 0 (none) to 1.
    """

    clip: str | None = None
    preset: str = 'fast'
    method: str | None = None
    hard_prompt: Path | None = None
    anchors: Path | None = None
    seed: int = 1
    calibration: float = 0.0


def methods() -> dict[str, Path]:
    """Give the packaged config of each method that tunes prompts and leaves CLIP frozen."""
    names = ['attriprompt', 'cocoop', 'coop', 'ivlp', 'maple', 'promptsrc', 'vpt_deep', 'vpt_shallow']
    return {name: CONFIGS / 'zoo' / f'{name}_vit_b16.py' for name in names}


def default_method(run: OwnRun) -> tuple[str, str]:
    """Give the method for the parts that a user has, and the reason in one line.

    The figures are harmonic means of base and novel accuracy in the miniature world (docs/zoo.md,
    docs/experiments/anchors_test.md).
    """
    if run.anchors is not None:
        return (
            'ivlp',
            'deep prompts with anchors as in GA2-CLIP, HM 85.6 (81.1 without hard prompt and anchors)',
        )
    if run.hard_prompt is not None:
        return 'promptsrc', 'self-consistency with a hard prompt, HM 83.7 (79.1 without self-consistency)'
    return 'promptsrc', (
        'self-consistency, which needs neither hard prompt nor anchors, HM 83.7 (81.1 for plain prompts)'
    )


def own_config(lists: OwnLists, run: OwnRun, work_dir: Path) -> Config:
    """Make the config of a run.

    Model, losses, optimizer and schedule are those of the method's packaged config; with anchors, the
    optimizer and the anchors' strategies are those of the method with GA2-CLIP's. The data are the user's
    lists. With novel classes the schedule is that of base-to-novel runs, else that of few-shot runs. Methods
    that leave the vision tower alone train without augmentation, so that each video is encoded once.

    Raises:
        OSError: A file or folder that ``run`` names does not exist.
        ValueError: A choice is unknown, or the method has no text prompt for the hard prompt.
    """
    name = run.method or default_method(run)[0]
    if name not in methods():
        raise ValueError(f'--method {name}: choose one of {", ".join(methods())}')
    backbone, frames = choose_clip(run.clip, run.preset)
    protocol = 'base2novel' if lists.novel else 'fewshot'
    variables = dict(GA2MM_METHOD=name, GA2MM_PROTOCOL=protocol)
    if backbone['arch'] == 'miniature':
        alone, plus_ga2 = (CONFIGS / 'zoo' / file for file in ('miniature.py', 'miniature_plus_ga2.py'))
    else:
        variables['GA2MM_DATASET'] = 'ucf101'
        alone, plus_ga2 = methods()[name], CONFIGS / 'zoo' / 'plus_ga2_vit_b16.py'
    cfg = read_config(alone, variables=variables)
    if run.anchors is not None:
        with_anchors = read_config(plus_ga2, variables=variables)
        cfg.optim_wrapper, cfg.anchors = with_anchors.optim_wrapper, with_anchors.model.anchors
    cfg.model.backbone.update(backbone)
    if lists.are_images and backbone['arch'] != 'miniature' and isinstance(cfg.model.cls_head.template, str):
        cfg.model.cls_head.template = 'a photo of a person {}.'
    _set_data(cfg, lists, 1 if lists.are_images else frames, image_size(backbone['arch']))
    _add_parts(cfg, run, name)
    known = runner_keys()
    cfg = Config({key: value for key, value in cfg.items() if key in known})
    cfg.work_dir, cfg.launcher = str(work_dir), 'none'
    cfg.randomness = dict(seed=run.seed)
    cfg.load_from, cfg.resume = None, False
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=1)
    return cfg


def leaves_vision_alone(model: dict[str, Any]) -> bool:
    """Tell whether a model, by its config, needs no more of a video than the frozen CLIP's frame features."""
    head = model['cls_head']
    if not model['backbone'].get('frozen', True) or head.get('vision_prompt'):
        return False
    prompt = head.get('text_prompt')
    return not prompt or 'layers' not in MODELS.get(prompt['type']).uses


def choose_clip(clip: str | None, preset: str) -> tuple[dict[str, Any], int]:
    """Give the config of the backbone and the number of frames.

    Raises:
        FileNotFoundError: The file of weights does not exist.
        ValueError: The preset or the architecture is unknown, or the architecture has no such tag.
    """
    if preset not in PRESETS:
        raise ValueError(f'--preset {preset}: choose one of {", ".join(PRESETS)}')
    usual, frames = PRESETS[preset]
    clip = clip or usual
    if clip == 'miniature' or usual == 'miniature':
        if clip not in ('miniature', usual):
            raise ValueError(f'--clip {clip}: the preset miniature has its own CLIP; choose another preset')
        return dict(arch='miniature', weights='miniature'), PRESETS['miniature'][1]
    if has_own_weights(clip):
        return dict(arch=clip, weights=None), frames
    if Path(clip).is_dir():
        return dict(arch=f'local-dir:{Path(clip).resolve()}', weights=None), frames
    arch, colon, weights = clip.partition(':')
    if not colon and (Path(clip).is_file() or Path(clip).suffix in ('.pt', '.pth', '.bin', '.safetensors')):
        arch, weights = usual.split(':')[0], clip
    if open_clip.get_model_config(arch) is None:
        raise ValueError(f'--clip {clip}: OpenCLIP knows no {arch!r}; `ga2mm list clips` lists NAME:TAG')
    tags = open_clip.list_pretrained_tags_by_model(arch)
    if weights in tags:
        return dict(arch=arch, weights=weights), frames
    if not weights_file(weights).is_file():
        raise FileNotFoundError(
            f'--clip {clip}: {weights or "no tag"} is neither a file nor a tag of {arch}; its tags are '
            f'{", ".join(tags)}'
        )
    return dict(arch=arch, weights=str(Path(weights).resolve())), frames


def image_size(arch: str) -> int:
    """Give the height and width in pixels of an architecture's images; 224 if unknown before loading."""
    if arch == 'miniature':
        return 32
    config = open_clip.get_model_config(arch)
    size = (config or {}).get('vision_cfg', {}).get('image_size', 224)
    return size if isinstance(size, int) else size[0]


def _set_data(cfg: Config, lists: OwnLists, frames: int, size: int) -> None:
    """Replace the datasets of a config by the user's lists."""
    train_loader = cfg.train_dataloader
    test_loader = dict(next(iter(cfg.test_dataloader.values())))
    train_pipeline = _adapted(train_loader.dataset.dataset.pipeline, frames, size, lists.are_images)
    test_pipeline = _adapted(test_loader.pop('dataset').pipeline, frames, size, lists.are_images)
    if leaves_vision_alone(cfg.model):
        train_pipeline = test_pipeline
    workers = min(train_loader.num_workers, os.cpu_count() or 1)
    train_loader.num_workers = test_loader['num_workers'] = workers

    def dataset(name: str, pipeline: Sequence[dict], **more: Any) -> dict[str, Any]:
        ann_file, label_map, split = lists.files[name]
        return dict(
            type='ActionVideoDataset',
            ann_file=str(ann_file),
            label_map=str(label_map),
            split=split,
            data_prefix=dict(video=str(lists.videos)),
            pipeline=pipeline,
            **more,
        )

    train = dataset('train', train_pipeline)
    times = -(-STEPS * train_loader.batch_size // lists.train_videos)
    if times > 1:
        train = dict(type='RepeatDataset', times=times, dataset=train)
    train_loader.dataset = dict(type='AnchorDataset', dataset=train)
    cfg.test_pipeline = test_pipeline  # for MMAction2's tools
    cfg.test_dataloader = {
        name: dict(test_loader, dataset=dataset(name, test_pipeline, test_mode=True))
        for name in lists.files
        if name != 'train'
    }
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None


def _adapted(pipeline: Sequence[dict], frames: int, size: int, are_images: bool) -> list[dict[str, Any]]:
    """Give a pipeline for another number of frames, another size of images, or still images."""
    steps = []
    for step in pipeline:
        step = {key: value for key, value in step.items() if key != 'keep_frames'}
        if step['type'] == 'OpenVideo' and are_images:
            step = dict(type='OpenImage')
        elif step['type'] == 'UniformSample':
            step['clip_len'] = frames
        elif step['type'] == 'CenterCrop':
            step['crop_size'] = size
        elif step['type'] == 'Resize':
            short = step['scale'] == (-1, 256)
            step['scale'] = (-1, round(256 / 224 * size)) if short else (size, size)
        steps.append(step)
    return steps


def _add_parts(cfg: Config, run: OwnRun, name: str) -> None:
    """Add the hard prompt and the anchors that a user has, and the calibration."""
    head = cfg.model.cls_head
    inner = cfg.train_dataloader.dataset.dataset
    clips = inner.get('dataset', inner)
    if run.calibration:
        pipeline = next(iter(cfg.test_dataloader.values())).dataset.pipeline
        anchors = dict(
            type='GeneratedAnchors', kind='shuffled_patches', dataset=dict(clips, pipeline=pipeline)
        )
        workers = cfg.train_dataloader.num_workers
        calibration = dict(strength=run.calibration, dataset=anchors, num_workers=workers)
        cfg.model.test_cfg = dict(anchor_calibration=calibration)
    if run.hard_prompt is not None:
        if not run.hard_prompt.is_file():
            raise FileNotFoundError(f'--hard-prompt {run.hard_prompt}: no such file')
        if not head.get('text_prompt'):
            raise ValueError(f'--hard-prompt joins a text prompt, and --method {name} has none')
        head.coupling = dict(cfg.coupling, hard_prompt=str(run.hard_prompt.resolve()))
    if run.anchors is None:
        return
    if not run.anchors.is_dir():
        raise FileNotFoundError(f'--anchors {run.anchors}: no such folder')
    folder = str(run.anchors.resolve())
    cfg.model.anchors = dict(cfg.anchors, negatives=dict(names=NEGATIVES))
    cfg.train_dataloader.dataset.anchors = dict(
        type='AnchorVideoFolder', folder=folder, pipeline=clips['pipeline']
    )
    cfg.train_dataloader.batch_sampler = cfg.anchor_batch_sampler
