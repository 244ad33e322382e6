"""``ga2mm train``: tune on a folder of one's own videos."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    videos: Annotated[
        Path,
        typer.Argument(
            help='Folder with a folder of videos (or images) for each class, or a CSV file with the columns '
            'path, class and, if known, group (the recording).',
            show_default=False,
        ),
    ],
    shots: Annotated[
        int | None, typer.Option(help='Training videos of each class. Default: 70 % of them.')
    ] = None,
    novel: Annotated[
        str,
        typer.Option(
            help='Classes that are tested but not trained on, separated by commas; a name with a comma in '
            'double quotes.'
        ),
    ] = '',
    clip: Annotated[
        str | None,
        typer.Option(
            help='CLIP as NAME:TAG (ga2mm list clips), a local file or folder of weights, or miniature. '
            'Default: that of the preset.'
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help='fast (ViT-B/32, 8 frames), b16x8, b16x16, b16x32 (ViT-B/16 with 8, 16, 32 frames), '
            'miniature (a tiny CLIP to try it).'
        ),
    ] = 'fast',
    method: Annotated[
        str | None, typer.Option(help='Method (ga2mm list methods). Default: by what is given.')
    ] = None,
    hard_prompt: Annotated[
        Path | None, typer.Option(help='Hard prompt learnt on another data set.', show_default=False)
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option(help='Folder of videos that show none of the classes.')
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            help='Regular expression that finds the recording in a path. Pieces of one recording are never '
            'both trained on and tested. Default: names decide.'
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help='Folder to write. Default: work_dirs/NAME.', show_default=False)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help='cpu, cuda or cuda:N. Default: a GPU if there is one.')
    ] = None,
    seed: Annotated[int, typer.Option(help='Seed of the split and of the training.')] = 1,
) -> None:
    """Train on a folder of your own videos, test, and write a report and one model file."""
    from ga2mm.cli.terminal import quiet, show_table

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
    split_videos(own.videos, chosen, shots, seed)  # before the slow part

    from ga2mm.apis.own_config import OwnRun, choose_clip, default_method
    from ga2mm.apis.own_run import train_own_videos, without_unreadable
    from ga2mm.models.clip.download import check_reachable
    from ga2mm.utils import first_few
    from ga2mm.visualization import ACCURACY_COLUMNS, accuracy_rows

    run = OwnRun(clip, preset, method, hard_prompt, anchors, seed)
    backbone, frames = choose_clip(clip, preset)
    check_reachable(**backbone)
    own, problems = without_unreadable(own, videos)
    split = split_videos(own.videos, chosen, shots, seed)
    recordings = len({video.recording for video in own.videos})
    kind = 'images' if own.are_images else 'videos'
    typer.echo(f'{videos}: {len(own.classes)} classes, {len(own.videos)} {kind} of {recordings} recordings')
    if problems:
        typer.echo(f'left out, since they cannot be read: {first_few(problems, "; ")}')
    if own.others:
        typer.echo(f'not used, since they are no {kind}: {first_few(own.others)}')
    typer.echo(
        f'{len(split.train)} for training on {len(split.base)} classes, {len(split.test)} for the test'
        + (f'; novel classes: {", ".join(split.novel)}' if split.novel else '')
    )
    arch = ', '.join(str(value) for value in backbone.values() if value)
    typer.echo(f'CLIP: {arch}; {1 if own.are_images else frames} frames a video')
    usual, reason = default_method(run)
    typer.echo(
        f'method: {method}' if method else f'method: {usual}: {reason} (miniature world, docs/own_videos.md)'
    )
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
    typer.echo(f'next:   ga2mm predict {result.model} NEW_VIDEOS')


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
