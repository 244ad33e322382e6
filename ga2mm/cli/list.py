"""``ga2mm list``: what there is to choose from."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Kind(str, Enum):
    """Things to list."""

    models = 'models'
    methods = 'methods'
    datasets = 'datasets'
    clips = 'clips'


def list(
    kind: Annotated[
        Kind,
        typer.Argument(
            help='models: packaged configs for tools/train.py; methods: for --method; datasets: types of '
            'data sets in configs; clips: for --clip.',
            show_default=False,
        ),
    ],
) -> None:
    """List what there is to choose from: models, methods, datasets or CLIPs."""
    from ga2mm.cli.terminal import show_table

    rows = {Kind.models: _models, Kind.methods: _methods, Kind.datasets: _datasets, Kind.clips: _clips}
    show_table([kind.value, ''], rows[kind](), titles=2)


def _models() -> 'list[list[str]]':
    from ga2mm.configs import CONFIGS

    files = sorted(
        path for path in CONFIGS.glob('*/*.py') if path.parent.name not in ('_base_', 'benchmarks')
    )
    return [[str(path.relative_to(CONFIGS)), _first_sentence(path)] for path in files]


def _methods() -> 'list[list[str]]':
    from ga2mm.apis.own_config import methods

    return [[name, _first_sentence(path)] for name, path in methods().items()]


def _datasets() -> 'list[list[str]]':
    from ga2mm.registry import DATASETS

    DATASETS.import_from_location()
    return [
        [name, (found.__doc__ or '').strip().splitlines()[0]]
        for name, found in sorted(DATASETS.module_dict.items())
        if found.__module__.startswith('ga2mm.')
    ]


def _clips() -> 'list[list[str]]':
    import open_clip

    from ga2mm.models.clip.loading import takes_prompts

    pairs = [(arch, tag) for arch, tag in open_clip.list_pretrained() if takes_prompts(arch)]
    return [['miniature', 'a tiny CLIP in the package'], *([f'{arch}:{tag}', ''] for arch, tag in pairs)]


def _first_sentence(path: Path) -> str:
    """Give the first sentence of the comment at the head of a config."""
    text = ' '.join(
        line.removeprefix('#').strip()
        for line in path.read_text(encoding='utf-8').partition('_base_ =')[0].splitlines()
    )
    return text.split('. ')[0].split(': ')[0].strip('. ')
