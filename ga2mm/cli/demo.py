"""``ga2mm demo``: classify videos on a page in the browser."""

from typing import Annotated

import typer


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

    Without a model it shows the miniature world, with sample videos. It needs Gradio, which the extra demo
    of the package installs.
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
        from ga2mm.web.contents import load_contents

        contents = load_contents(model, clip, device, folder)
        serve(contents, max_mb, host, port, browser, typer.echo)
