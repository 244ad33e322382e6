"""``ga2mm list``: what there is to choose from."""

from enum import Enum
from typing import Annotated

import typer


class Kind(str, Enum):
    """Things to list."""

    clips = 'clips'


def list(kind: Annotated[Kind, typer.Argument(help='What to list.', show_default=False)]) -> None:  # noqa: A001
    """List what there is to choose from: the CLIPs for --clip."""
    import open_clip

    names = [f'{arch}:{tag}' for arch, tag in open_clip.list_pretrained() if arch.startswith('ViT')]
    typer.echo('\n'.join(['miniature', *names]))
