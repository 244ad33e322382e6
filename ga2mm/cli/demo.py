"""``ga2mm demo``: classify videos on a page in the browser."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from ga2mm.web.page import Contents
    from ga2mm.web.page_classifier import PageClassifier

EXAMPLE_NAMES = ('walking', 'playing the guitar', 'riding a bike', 'cooking')
"""Class names to begin with, for a CLIP without training."""

MINIATURE = (
    'This is the miniature CLIP, to try the page. It knows only the miniature world: coloured shapes that '
    'slide, spin, grow and so on. It says nothing about real videos; for those, start '
    'ga2mm demo my_model.ga2 or ga2mm demo --clip ViT-B-16-quickgelu:openai.'
)


def demo(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar='[MODEL]',
            help='A model file (model.ga2 or hf-hub:ORG/REPO). Without one, --clip classifies without any '
            'training.',
            show_default=False,
        ),
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option(
            help='CLIP as NAME:TAG (ga2mm list clips), a local file or folder of weights, or miniature. With '
            'a model file: where the weights of its CLIP are. Default without a model: miniature.'
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help='Name or address to listen on; 0.0.0.0 is open to everyone who reaches this machine.'
        ),
    ] = '127.0.0.1',
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help='Port. Default: the first free one from 7860.')
    ] = None,
    browser: Annotated[bool, typer.Option(help='Open the page in the browser.')] = True,
    max_mb: Annotated[int, typer.Option(min=1, help='Largest upload in megabytes.')] = 200,
    device: Annotated[
        str | None, typer.Option(help='cpu, cuda or cuda:N. Default: a GPU if there is one.')
    ] = None,
) -> None:
    """Open a page in the browser: drop a video, type class names, see what the model says.

    Without a model it shows the miniature world, with sample videos. It needs Gradio: pip install
    'ga2mm[demo]'.
    """
    from ga2mm.web.server import check_gradio, free_port, own_folder, serve

    check_gradio()
    port = free_port(host, port)
    if host not in ('127.0.0.1', 'localhost', '::1'):
        typer.echo(
            'warning: everyone who reaches this machine can use the page, without a password', err=True
        )
    with own_folder() as folder:
        typer.echo('loading the model ...')
        classifier, contents = _page_of(model, clip, device, folder, max_mb)
        serve(classifier, contents, host, port, browser, typer.echo)


def _page_of(
    model: str | None, clip: str | None, device: str | None, folder: 'Path', max_mb: int
) -> tuple['PageClassifier', 'Contents']:
    """Load the model and give what the page needs; sample videos are written into the folder."""
    from ga2mm.apis import VideoClassifier
    from ga2mm.apis.model_file import is_model_file
    from ga2mm.apis.zero_shot import zero_shot_config
    from ga2mm.web.page import Contents
    from ga2mm.web.page_classifier import PageClassifier
    from ga2mm.web.samples import NAMES, write_samples

    if model is not None:
        if not is_model_file(model):
            raise ValueError(
                f'{model} is no model file: make one of a config and its checkpoint (ga2mm export)'
            )
        classifier = VideoClassifier(model, None, None, device, clip)
        about = f'The model is {model}, trained for {len(classifier.classes)} classes. Other names work too.'
        return PageClassifier(classifier), Contents(about, classifier.classes, {}, max_mb)
    if clip in (None, 'miniature'):
        samples = write_samples(folder / 'samples')
        classifier = VideoClassifier(zero_shot_config('miniature'), None, NAMES, device)
        contents = Contents(MINIATURE, NAMES, samples.videos, max_mb)
        return PageClassifier(classifier, samples.anchors), contents
    classifier = VideoClassifier(zero_shot_config(clip), None, EXAMPLE_NAMES, device)
    about = f'The model is the frozen CLIP {clip}, without any training: give the names of your classes.'
    return PageClassifier(classifier), Contents(about, EXAMPLE_NAMES, {}, max_mb)
