"""``ga2mm export``: make a model file from a checkpoint."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    config: Annotated[Path, typer.Argument(help='Config of the training.', show_default=False)],
    checkpoint: Annotated[Path, typer.Argument(help='Checkpoint of the training.', show_default=False)],
    out: Annotated[Path, typer.Argument(help='File to write, ending in .ga2.', show_default=False)],
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
    push: Annotated[
        str | None, typer.Option(help='Place on the hub to put the file: hf-hub:ORG/REPO.')
    ] = None,
    private: Annotated[bool, typer.Option(help='Make a new repository on the hub private.')] = False,
) -> None:
    """Make one file with all that prediction needs, except the weights of CLIP."""
    from ga2mm.apis import VideoClassifier, read_config
    from ga2mm.apis.hub import push as push_file
    from ga2mm.apis.model_file import classes_of, export_model
    from ga2mm.datasets.label_map import read_label_map
    from ga2mm.datasets.text_file import csv_fields

    cfg = read_config(config)
    if classes is None:
        names = classes_of(cfg)
    elif Path(classes).is_file():
        names = read_label_map(classes)
    else:
        names = [name for name in csv_fields(classes, f'--classes {classes}') if name]
    none_below = None
    if anchors is not None:
        none_below = VideoClassifier(cfg, checkpoint, names).calibrate([anchors])
    path = export_model(cfg, checkpoint, out, names, none_below)
    typer.echo(f'{path}: {len(names)} classes, {path.stat().st_size / 1e6:.1f} MB')
    if push is not None:
        typer.echo(push_file(path, push, private))
