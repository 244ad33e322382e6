"""``ga2mm check``: look at one's own videos before a training."""

from pathlib import Path
from typing import Annotated

import typer


def check(
    videos: Annotated[
        Path,
        typer.Argument(help='Folder of class folders, or a CSV file of path and class.', show_default=False),
    ],
    group_by: Annotated[
        str | None, typer.Option(help='Regular expression that finds the recording in a path.')
    ] = None,
) -> None:
    """Read all videos; show the size of each class and the files that cannot be read or used."""
    from collections import Counter

    from ga2mm.apis.own_run import without_unreadable
    from ga2mm.cli.terminal import show_table
    from ga2mm.datasets.own_videos import read_own_videos

    own = read_own_videos(videos, group_by)
    readable, problems = without_unreadable(own, videos)
    listed = Counter(video.class_name for video in own.videos)
    left = Counter(video.class_name for video in readable.videos)
    recordings: dict[str, set[str]] = {name: set() for name in own.classes}
    for video in own.videos:
        recordings[video.class_name].add(video.recording)
    rows = [
        [name, str(listed[name]), str(len(recordings[name])), str(listed[name] - left[name])]
        for name in own.classes
    ]
    show_table(['class', 'images' if own.are_images else 'videos', 'recordings', 'unreadable'], rows)
    for problem in problems:
        typer.echo(f'unreadable: {problem}')
    for other in own.others:
        typer.echo(f'not used: {other}')
    total = len({video.recording for video in own.videos})
    typer.echo(
        f'{len(own.classes)} classes, {len(own.videos)} files of {total} recordings, '
        f'{len(problems)} unreadable'
    )
