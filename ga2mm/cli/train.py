"""``ga2mm train``: tune on a folder of one's own videos."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ga2mm.apis.own_config import OwnRun
    from ga2mm.datasets.own_videos import OwnVideos
    from ga2mm.datasets.video_split import VideoSplit

Videos = Annotated[
    Path,
    typer.Argument(
        help='Folder with a folder of videos (or images) for each class, or a CSV file with the columns '
        'path, class and, if known, group (the recording).',
        show_default=False,
    ),
]
Shots = Annotated[int | None, typer.Option(help='Training videos of each class. Default: 70 % of them.')]
Novel = Annotated[
    str,
    typer.Option(
        help='Classes that are tested but not trained on, separated by commas; a name with a comma in '
        'double quotes.'
    ),
]
Clip = Annotated[
    str | None,
    typer.Option(
        help='CLIP as NAME:TAG (ga2mm list clips), a local file or folder of weights, or miniature. '
        'Default: that of the preset.'
    ),
]
Preset = Annotated[
    str,
    typer.Option(
        help='fast (ViT-B/32, 8 frames), b16x8, b16x16, b16x32 (ViT-B/16 with 8, 16, 32 frames), '
        'miniature (a tiny CLIP to try it).'
    ),
]
Method = Annotated[
    str | None, typer.Option(help='Method (ga2mm list methods). Default: the best for what is given.')
]
HardPrompt = Annotated[Path | None, typer.Option(help='Hard prompt learnt on another data set.')]
Anchors = Annotated[Path | None, typer.Option(help='Folder of videos that show none of the classes.')]
Calibration = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help='Strength of the calibration of predictions: training clips with shuffled patches show how much '
        'the model leans to each class.',
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help='Regular expression that finds the recording in a path. Pieces of one recording are never '
        'both trained on and tested. Default: names decide.'
    ),
]
Out = Annotated[Path | None, typer.Option(help='Folder to write. Default: work_dirs/NAME.')]
Device = Annotated[str | None, typer.Option(help='cpu, cuda or cuda:N. Default: a GPU if there is one.')]
Seed = Annotated[int, typer.Option(help='Seed of the split and of the training.')]


def train(
    videos: Videos,
    shots: Shots = None,
    novel: Novel = '',
    clip: Clip = None,
    preset: Preset = 'fast',
    method: Method = None,
    hard_prompt: HardPrompt = None,
    anchors: Anchors = None,
    calibration: Calibration = 0.0,
    group_by: GroupBy = None,
    out: Out = None,
    device: Device = None,
    seed: Seed = 1,
) -> None:
    """Train on a folder of your own videos, test, and write a report and one model file."""
    _choose_device(device)
    out = out or Path('work_dirs') / videos.resolve().stem
    if out.exists():
        raise FileExistsError(f'{out} exists; choose another folder by --out, or remove it')
    from ga2mm.datasets.own_videos import read_own_videos
    from ga2mm.datasets.text_file import csv_fields
    from ga2mm.datasets.video_split import choose_classes, split_videos

    own = read_own_videos(videos, group_by)
    names = [name for name in csv_fields(novel, f'--novel {novel}') if name]
    chosen = choose_classes(names, own.classes)
    split_videos(own.videos, chosen, shots, seed)  # fails before the slow part

    from ga2mm.apis.own_config import OwnRun, choose_clip
    from ga2mm.apis.own_run import without_unreadable
    from ga2mm.models.clip.download import check_reachable

    run = OwnRun(clip, preset, method, hard_prompt, anchors, seed, calibration)
    check_reachable(**choose_clip(clip, preset)[0])
    own, problems = without_unreadable(own, videos)
    split = split_videos(own.videos, chosen, shots, seed)
    _describe_videos(videos, own, split, problems)
    _describe_run(run, own)
    _train(own, split, run, out)


def _choose_device(device: str | None) -> None:
    """Let PyTorch see only the chosen device; call it before PyTorch is used."""
    import os
    import re

    if device is None:
        return
    if not re.fullmatch(r'cpu|cuda(:\d+)?', device):
        raise ValueError(f'--device {device}: give cpu, cuda or cuda:N')
    if device != 'cuda':
        os.environ['CUDA_VISIBLE_DEVICES'] = device[5:] if ':' in device else ''
    if device != 'cpu':
        import torch

        if not torch.cuda.is_available():
            raise ValueError(f'--device {device}: PyTorch has no such GPU here; give cpu')


def _describe_videos(source: Path, own: 'OwnVideos', split: 'VideoSplit', problems: list[str]) -> None:
    from ga2mm.utils import first_few

    recordings = len({video.recording for video in own.videos})
    kind = 'images' if own.are_images else 'videos'
    typer.echo(f'{source}: {len(own.classes)} classes, {len(own.videos)} {kind} of {recordings} recordings')
    if problems:
        typer.echo(f'left out, since they cannot be read: {first_few(problems, "; ")}')
    if own.others:
        typer.echo(f'not used, since they are not {kind}: {first_few(own.others)}')
    novel = f'; novel classes: {", ".join(split.novel)}' if split.novel else ''
    typer.echo(
        f'{len(split.train)} for training on {len(split.base)} classes, {len(split.test)} for the test{novel}'
    )


def _describe_run(run: 'OwnRun', own: 'OwnVideos') -> None:
    from ga2mm.apis.own_config import choose_clip, default_method

    backbone, frames = choose_clip(run.clip, run.preset)
    clip = ':'.join(dict.fromkeys(value for value in backbone.values() if value))
    typer.echo(f'CLIP: {clip}, {1 if own.are_images else frames} frames a video')
    usual, reason = default_method(run)
    why = f'{usual}: {reason} (miniature world, docs/own_videos.md)'
    typer.echo(f'method: {run.method or why}')


def _train(own: 'OwnVideos', split: 'VideoSplit', run: 'OwnRun', out: Path) -> None:
    from ga2mm.apis.own_run import train_own_videos
    from ga2mm.cli.terminal import quiet, show_table
    from ga2mm.visualization import ACCURACY_COLUMNS, accuracy_rows

    log = out.parent / f'.{out.name}.log'
    try:
        with quiet(log) as say:
            result = train_own_videos(own, split, run, out, say)
    finally:
        if out.exists():
            log.replace(out / 'output.log')
        else:
            log.unlink(missing_ok=True)
    show_table(ACCURACY_COLUMNS, accuracy_rows(result.metrics))
    typer.echo(f'report: {result.report}')
    typer.echo(f'model:  {result.model}')
    typer.echo(f'next:   ga2mm predict {shlex.quote(str(result.model))} NEW_VIDEOS')
