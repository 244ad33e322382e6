"""``ga2mm train``: tune on a folder of one's own videos."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ga2mm.apis.own_config import OwnRun
    from ga2mm.apis.own_run import Result
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
Processes = Annotated[
    int,
    typer.Option(
        help='Training processes, one on each GPU (without a GPU, on the CPU). They share each batch, so '
        'that steps and learning rate stay the same.'
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        '--resume',
        help='Continue an interrupted run from its last checkpoint, with the options it began with.',
    ),
]
Seed = Annotated[int, typer.Option(help='Seed of the split and of the training.')]


def train(
    context: typer.Context,
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
    processes: Processes = 1,
    resume: Resume = False,
) -> None:
    """Train on a folder of your own videos, test, and write a report and one model file."""
    _choose_device(device)
    out = out or Path('work_dirs') / videos.resolve().stem
    if processes != 1:
        from ga2mm.apis.processes import check_processes

        check_processes(processes)
    if resume:
        _resume(context, videos, out, processes)
        return
    if out.exists():
        raise FileExistsError(
            f'{out} exists; choose another folder by --out, continue its run by --resume, or remove it'
        )
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
    from ga2mm.apis.own_run import train_own_videos

    _run(out, lambda say: train_own_videos(own, split, run, out, say, processes))


def _resume(context: typer.Context, videos: Path, out: Path, processes: int) -> None:
    """Continue the run in a folder.

    Raises:
        OSError: The folder has no run.
        ValueError: An option contradicts those of the run, or the run has other videos.
    """
    for option in context.command.params:
        given = context.get_parameter_source(option.name).name == 'COMMANDLINE'
        if given and option.name not in ('videos', 'out', 'device', 'processes', 'resume'):
            raise ValueError(
                f'{option.opts[0]}: --resume continues {out} with its own options; leave this one out'
            )
    from ga2mm.apis.config import read_config
    from ga2mm.apis.own_run import CONFIG, resume_own_run
    from ga2mm.checks.config_lists import innermost_datasets

    if not (out / CONFIG).is_file():
        raise FileNotFoundError(f'{out} has no run to continue ({CONFIG}): leave out --resume')
    dataset, *_ = innermost_datasets(read_config(out / CONFIG).train_dataloader.dataset)
    trained_on = Path(dataset.data_prefix.video)
    if trained_on != (videos.resolve().parent if videos.is_file() else videos.resolve()):
        raise ValueError(f'{out} is a run on {trained_on}, not on {videos}: choose its folder by --out')
    _run(out, lambda say: resume_own_run(out, say, processes))


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


def _run(out: Path, work: Callable[[Callable[[str], None]], 'Result']) -> None:
    """Do the work with a quiet terminal, and show what it has made."""
    from ga2mm.cli.terminal import quiet, show_table
    from ga2mm.visualization import ACCURACY_COLUMNS, accuracy_rows

    log = out / 'output.log' if out.exists() else out.parent / f'.{out.name}.log'
    try:
        with quiet(log) as say:
            result = work(say)
    finally:
        if log.parent != out:
            if out.exists():
                log.replace(out / 'output.log')
            else:
                log.unlink(missing_ok=True)
    show_table(ACCURACY_COLUMNS, accuracy_rows(result.metrics))
    typer.echo(f'report: {result.report}')
    typer.echo(f'model:  {result.model}')
    typer.echo(f'next:   ga2mm predict {shlex.quote(str(result.model))} NEW_VIDEOS')
