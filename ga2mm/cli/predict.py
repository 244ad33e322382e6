"""``ga2mm predict``: classify videos, or a long video over time."""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ga2mm.apis import VideoClassifier
    from ga2mm.apis.prediction import Prediction
    from ga2mm.apis.time_line import TimeLine

MODELS = ('.ga2', '.py', '.json', '.yaml', '.yml')
"""Suffixes of a model file and of configs."""


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar='[MODEL] VIDEO...',
        help='A model file (model.ga2 or hf-hub:ORG/REPO) or the config of a training, then videos, folders '
        'of videos, or with --window a camera (its number), a URL or a pipe. Without a model, --classes and '
        '--clip classify without any training.',
        show_default=False,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help='Any class names, separated by commas; a name with a comma in double quotes. Or the file of a '
        'label map. Default: those of the model.'
    ),
]
Clip = Annotated[
    str | None,
    typer.Option(
        help='CLIP as NAME:TAG (ga2mm list clips), a local file or folder of weights, or miniature. With a '
        'model file: where the weights of its CLIP are.'
    ),
]
Checkpoint = Annotated[Path | None, typer.Option(help='Checkpoint of the training, if a config is given.')]
Top = Annotated[int, typer.Option(min=1, help='Number of classes to give for a video.')]
Several = Annotated[
    bool, typer.Option(help='A video may have several labels at once, or none. Needs --anchors.')
]
Anchors = Annotated[
    Path | None,
    typer.Option(
        help='Folder of videos that show none of the classes. Their level decides which videos are "none of '
        'these": 5 % of the anchors may pass.'
    ),
]
Seconds = Annotated[float | None, typer.Option(help='Classify a long video over time: seconds of a window.')]
Stride = Annotated[
    float | None, typer.Option(help='Seconds from window to window. Default: a quarter of the window.')
]
Csv = Annotated[Path | None, typer.Option(help='Table to write.')]
Json = Annotated[Path | None, typer.Option(help='JSON file to write.')]
VideosTo = Annotated[
    Path | None, typer.Option(help='Folder for the videos with their labels written into them.')
]
SubtitlesTo = Annotated[Path | None, typer.Option(help='Folder for subtitles (.srt); with --window.')]
PicturesTo = Annotated[Path | None, typer.Option(help='Folder for pictures of time lines; with --window.')]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help='Videos or windows to classify at a time. Default: 8, and 1 on the CPU, which saves memory.',
    ),
]
Device = Annotated[str | None, typer.Option(help='cpu, cuda or cuda:N. Default: a GPU if there is one.')]


@dataclass(frozen=True)
class _Outputs:
    """Files and folders to write; None for those that are not wanted."""

    csv: Path | None
    json: Path | None
    videos: Path | None
    subtitles: Path | None = None
    pictures: Path | None = None


def predict(
    inputs: Inputs,
    classes: Classes = None,
    clip: Clip = None,
    checkpoint: Checkpoint = None,
    top: Top = 1,
    several: Several = False,
    anchors: Anchors = None,
    window: Seconds = None,
    stride: Stride = None,
    csv: Csv = None,
    json: Json = None,
    videos_to: VideosTo = None,
    subtitles_to: SubtitlesTo = None,
    pictures_to: PicturesTo = None,
    batch_size: BatchSize = None,
    device: Device = None,
) -> None:
    """Classify videos with a model that was trained, or with any class names and no training at all.

    A video that cannot be read gets a row with the reason; the exit code is then 1.
    """
    if window is None and (stride or subtitles_to or pictures_to):
        raise ValueError('--stride, --subtitles-to and --pictures-to are for time lines: give --window too')
    warnings.showwarning = _show_warning
    model, videos = _split(inputs)
    classifier = _classifier(model, checkpoint, classes, clip, device)
    if anchors is not None:
        classifier.calibrate([anchors])
    outputs = _Outputs(csv, json, videos_to, subtitles_to, pictures_to)
    batch_size = batch_size or (1 if classifier.model.backbone.device.type == 'cpu' else 8)
    settings = dict(batch_size=batch_size, top=top, several=several)
    if window is None:
        problems = _classify(classifier, videos, settings, outputs)
    else:
        problems = _time_lines(classifier, videos, (window, stride or window / 4), settings, outputs)
    if problems:
        typer.echo(f'{problems} of the videos cannot be read, or not to their end: see above', err=True)
        raise typer.Exit(1)


def _split(inputs: list[str]) -> tuple[str | None, list[str]]:
    """Give the model, None if there is none, and the videos."""
    first = inputs[0]
    is_model = Path(first).suffix in MODELS or first.startswith(('hf-hub:', 'hf://'))
    model, videos = (first, inputs[1:]) if is_model else (None, inputs)
    if not videos:
        raise ValueError('there are no videos: give files or folders after the model')
    return model, videos


def _classifier(
    model: str | None, checkpoint: Path | None, classes: str | None, clip: str | None, device: str | None
) -> 'VideoClassifier':
    from ga2mm.datasets.text_file import csv_fields

    if model is None and classes is None:
        raise ValueError('there is no model: give one first, or any class names (--classes "one, another")')
    names: Any = classes
    if classes is not None and not Path(classes).is_file():
        names = [name for name in csv_fields(classes, f'--classes {classes}') if name]
    from ga2mm.apis import VideoClassifier

    if model is None:
        from ga2mm.apis.zero_shot import zero_shot_config

        return VideoClassifier(zero_shot_config(clip), None, names, device, show_progress=_is_terminal())
    return VideoClassifier(model, checkpoint, names, device, clip, show_progress=_is_terminal())


def _classify(
    classifier: 'VideoClassifier', videos: list[str], settings: dict[str, Any], outputs: _Outputs
) -> int:
    """Classify whole videos, and give the number of unreadable ones."""
    files = dict(csv=outputs.csv, json=outputs.json, videos_to=outputs.videos)
    samples = classifier(videos, return_datasamples=True, **settings, **files)['predictions']
    found = [sample.prediction for sample in samples]
    for one in found:
        typer.echo(f'{one.video}: {_text(one)}' if one.label else f'unreadable: {one.problem}')
        if one.label and one.problem:
            typer.echo(f'  {one.problem}')
    return sum(one.label is None for one in found)


def _time_lines(
    classifier: 'VideoClassifier',
    videos: list[str],
    times: tuple[float, float],
    settings: dict[str, Any],
    outputs: _Outputs,
) -> int:
    """Classify videos over time, and give the number of those that cannot be read to their end."""
    from ga2mm.apis.prediction_files import write_csv, write_json
    from ga2mm.apis.video_inputs import list_inputs
    from ga2mm.datasets.frames_in_order import is_stream
    from ga2mm.utils import numbered

    sources: list[Any] = []
    for one in videos:
        source = int(one) if one.isdecimal() and not Path(one).exists() else one
        sources += [source] if is_stream(source) else list_inputs(source)
    lines = [_time_line(classifier, source, times, settings) for source in sources]
    predictions = [one for line in lines for one in line.predictions]
    if outputs.csv is not None:
        write_csv(outputs.csv, predictions, settings['top'])
    if outputs.json is not None:
        content = dict(classes=list(classifier.classes), time_lines=[line.to_dict() for line in lines])
        write_json(outputs.json, content)
    names = numbered([Path(str(one)).stem for one in sources])
    for source, name, line in zip(sources, names, lines, strict=True):
        if line.segments:
            _write_time_line(line, name, outputs, is_stream(source))
    return sum(one.label is None for one in predictions)


def _time_line(
    classifier: 'VideoClassifier', source: str | int, times: tuple[float, float], settings: dict[str, Any]
) -> 'TimeLine':
    """Classify a video over time and print a line for each window; Ctrl-C ends it early."""
    from ga2mm.apis.prediction import Prediction
    from ga2mm.apis.time_line import TimeLine
    from ga2mm.datasets.frames_in_order import is_stream
    from ga2mm.datasets.video_file import UnreadableVideoError

    found: list[Prediction] = []
    typer.echo(f'{source}:')
    if is_stream(source):
        settings = dict(settings, batch_size=1)  # each window at once
    try:
        for one in classifier.watch(source, *times, **settings):
            found.append(one)
            span = '' if one.start is None else f'{one.start:8.2f} to {one.end:8.2f} s  '
            typer.echo(f'  {span}{_text(one) if one.label else one.problem}')
    except UnreadableVideoError as error:
        found.append(Prediction(str(source), problem=str(error)))
        typer.echo(f'  unreadable: {error}')
    except KeyboardInterrupt:
        typer.echo('  ended by Ctrl-C')
    return TimeLine(str(source), *times, tuple(found))


def _write_time_line(line: 'TimeLine', name: str, outputs: _Outputs, endless: bool) -> None:
    from ga2mm.apis.prediction_files import write_srt

    if outputs.subtitles is not None:
        write_srt(outputs.subtitles / f'{name}.srt', line.segments)
    if outputs.pictures is not None:
        from ga2mm.visualization import save_figure, time_line_figure

        save_figure(time_line_figure(line.segments, name), outputs.pictures / name)
    if outputs.videos is not None and endless:
        typer.echo('  a stream is not kept, so no video of it is written')
    elif outputs.videos is not None:
        from ga2mm.visualization.labelled_video import write_labelled_video

        write_labelled_video(outputs.videos / f'{name}.mp4', line.video, line.segments)


def _text(one: 'Prediction') -> str:
    """Give the ranked classes of a prediction, or its label alone if it was rejected."""
    if not one.labels:
        return one.label
    return ', '.join(f'{label} {probability:.1%}' for label, probability in one.top)


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def _show_warning(message: Any, *args: Any) -> None:
    typer.echo(f'warning: {" ".join(str(message).split())}', err=True)
