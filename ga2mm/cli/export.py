"""``ga2mm export``: make a model file from a checkpoint, or a program that runs without ga2mm."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar='MODEL [CHECKPOINT] OUT',
            help='The config of a training and its checkpoint, or a model file (model.ga2 or '
            'hf-hub:ORG/REPO); then the file to write: .ga2 for a model file, .onnx or .pt2 for a program '
            "that runs without ga2mm, .py (from a config alone) for a config for MMAction2's demos.",
            show_default=False,
        ),
    ],
    classes: Annotated[
        str | None,
        typer.Option(
            help='Class names, separated by commas; a name with a comma in double quotes. Or a label map. '
            'Default: those of the training.'
        ),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            help='Folder of videos that show none of the classes. Their level becomes part of the file, so '
            'that other videos are "none of these".'
        ),
    ] = None,
    clip: Annotated[
        str | None, typer.Option(help='Where the weights of the CLIP of a model file are; for programs.')
    ] = None,
    int8: Annotated[bool, typer.Option('--int8', help='Quantize an ONNX file to int8, for the CPU.')] = False,
    push: Annotated[
        str | None, typer.Option(help='Place on the hub to put the model file: hf-hub:ORG/REPO.')
    ] = None,
    private: Annotated[bool, typer.Option(help='Make a new repository on the hub private.')] = False,
) -> None:
    """Make one file with all that prediction needs, except the weights of CLIP; or, with them, a program."""
    if not 2 <= len(paths) <= 3:
        raise ValueError(
            f'{len(paths)} files are given: give a config, its checkpoint and the file to write, or a model '
            'file and the file to write'
        )
    from ga2mm.apis.export_program import SUFFIXES

    model, *checkpoint, out = paths
    tuned = checkpoint[0] if checkpoint else None
    if Path(out).suffix in SUFFIXES:
        if push is not None:
            raise ValueError(f'--push is for model files: {out} is a program')
        _export_program(model, tuned, Path(out), _names(classes), anchors, clip, int8)
        return
    if int8 or clip is not None:
        raise ValueError(f'--int8 and --clip are for programs (.onnx, .pt2): {out} is none')
    if Path(out).suffix == '.py':
        if push is not None or anchors is not None:
            raise ValueError(f'--push and --anchors are for model files: {out} is a config')
        _export_mmaction_config(model, tuned, Path(out), _names(classes))
        return
    _export_model(model, tuned, Path(out), _names(classes), anchors)
    if push is not None:
        from ga2mm.apis.hub import push as push_file

        typer.echo(push_file(Path(out), push, private))


def _names(classes: str | None) -> list[str] | None:
    """Give the names of ``--classes``; None for those of the model."""
    from ga2mm.datasets.label_map import read_label_map
    from ga2mm.datasets.text_file import csv_fields

    if classes is None:
        return None
    if Path(classes).is_file():
        return read_label_map(classes)
    return [name for name in csv_fields(classes, f'--classes {classes}') if name]


def _export_model(
    config: str, checkpoint: str | None, out: Path, names: list[str] | None, anchors: Path | None
) -> None:
    from ga2mm.apis import VideoClassifier, read_config
    from ga2mm.apis.model_file import classes_of, export_model, is_model_file

    if is_model_file(config):
        raise ValueError(
            f'{config} is a model file already: give a config and its checkpoint, or a program to write '
            '(.onnx or .pt2)'
        )
    cfg = read_config(Path(config))
    names = classes_of(cfg) if names is None else names
    none_below = None
    if anchors is not None:
        none_below = VideoClassifier(cfg, checkpoint, names).calibrate([anchors])
    path = export_model(cfg, checkpoint, out, names, none_below)
    typer.echo(f'{path}: {len(names)} classes, {path.stat().st_size / 1e6:.1f} MB')


def _export_mmaction_config(config: str, checkpoint: str | None, out: Path, names: list[str] | None) -> None:
    from ga2mm.apis import read_config
    from ga2mm.apis.mmaction_config import LABELS, export_mmaction_config
    from ga2mm.apis.model_file import is_model_file

    if checkpoint is not None or is_model_file(config):
        raise ValueError(f'{out} is made from a config alone: give the config of a training and this name')
    if out.exists():
        raise FileExistsError(f'{out} exists; choose another name, or remove it')
    names = export_mmaction_config(read_config(Path(config)), out, names)
    typer.echo(f'{out}, {out.stem}{LABELS}: {len(names)} classes')


def _export_program(
    model: str,
    checkpoint: str | None,
    out: Path,
    names: list[str] | None,
    anchors: Path | None,
    clip: str | None,
    int8: bool,
) -> None:
    from ga2mm.apis import VideoClassifier, read_config
    from ga2mm.apis.export_program import check_onnx_packages, export_program
    from ga2mm.apis.model_file import classes_of, is_model_file

    if out.suffix == '.onnx':
        check_onnx_packages()  # before minutes of loading
    source = model
    if not is_model_file(model):
        source = read_config(Path(model))
        names = classes_of(source) if names is None else names
    classifier = VideoClassifier(source, checkpoint, names, 'cpu', clip)
    if anchors is not None:
        classifier.calibrate([anchors])
    made = export_program(classifier.model, out, int8, classifier.none_below)
    typer.echo(
        f'{out}: {len(made["classes"])} classes, {out.stat().st_size / 1e6:.1f} MB; takes uint8 RGB frames '
        f'(B, {made["frames"]}, 3, {made["height"]}, {made["width"]})'
    )
