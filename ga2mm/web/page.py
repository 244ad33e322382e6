"""The page: a video and class names in; label, probabilities, time line and frames out."""

import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ga2mm.web.answer_html import STYLE, label_html, player_html, problem_html, time_line_html
from ga2mm.web.contents import Contents
from ga2mm.web.page_classifier import MAX_NAME, MAX_NAMES, MAX_SECONDS, Answer, PageClassifier

WAITING = 8
"""Number of requests that may wait."""

KEPT = 3600
"""Seconds until an upload is deleted."""

PAUSE = 0.4
"""Seconds at least between two states of a growing time line."""

THEME = gr.themes.Default(font=('system-ui', 'sans-serif'), font_mono=('system-ui', 'sans-serif')).set(
    block_info_text_color='*neutral_600', block_info_text_color_dark='*neutral_300'
)
"""Gradio's theme with the fonts of the system and darker hints."""

CSS = f"""
.gradio-container {{ max-width: 84rem !important; margin: 0 auto !important }}
#ga2mm-frames .grid-wrap {{ min-height: 0 !important; max-height: none; padding-top: 2.2rem }}
#ga2mm-frames .grid-container {{ grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)) !important }}
#ga2mm-frames img {{ image-rendering: pixelated }}
{STYLE}
"""

HINT = '<div class="ga2mm-note">Drop a video and give class names to see which of them it shows.</div>'
BUSY = '<div class="ga2mm-note" role="status">Reading the video ...</div>'


def make_page(contents: Contents, max_mb: int) -> gr.Blocks:
    """Make a page.

    Args:
        contents: What it offers.
        max_mb: Size of an upload in MB (2**20 bytes), to be stated on it.
    """
    with gr.Blocks(title='ga2mm demo', analytics_enabled=False, delete_cache=(60, KEPT)) as page:
        gr.HTML(f'<h1>What happens in this video?</h1><p>{escape(contents.about)}</p>')
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                inputs = _inputs(contents, max_mb)
                with gr.Row():
                    start = gr.Button('Classify', variant='primary', elem_id='ga2mm-start')
                    stop = gr.Button('Stop', min_width=90, scale=0, elem_id='ga2mm-stop')
                player = gr.HTML(visible=False, elem_id='ga2mm-player')
            with gr.Column(scale=3, min_width=320):
                outputs = [player, *_outputs()]

        def answer(video: str | None, text: str, window: float) -> Iterator[list[Any]]:
            yield from _updates(contents.classifier, video, text, window)  # Gradio looks for the word yield

        # A new request cancels the running one: it counts up a hidden number, whose change starts the answer.
        number = gr.Number(0, visible='hidden')
        running = number.change(
            answer,
            inputs,
            outputs,
            api_name='classify',
            show_progress='hidden',
            concurrency_limit=1,
            trigger_mode='multiple',
        )
        stopped = gr.on([start.click, inputs[0].change, inputs[1].submit], None, cancels=[running])
        stopped.then(lambda count: count + 1, number, number, queue=False, show_progress='hidden')
        ended = stop.click(None, cancels=[running])
        ended.then(_ended, outputs[1], outputs[1], queue=False, show_progress='hidden')
    return page.queue(max_size=WAITING)


def _inputs(contents: Contents, max_mb: int) -> list[gr.components.Component]:
    video = gr.File(
        label=f'Video, up to {max_mb} MB and {MAX_SECONDS / 60:.0f} minutes',
        height=180,
        elem_id='ga2mm-video',
    )
    _take_only_files(video)
    if contents.samples:
        gr.Examples(
            [[str(path)] for path in contents.samples.values()],
            [video],
            label='Samples',
            example_labels=list(contents.samples),
            cache_examples=False,
            elem_id='ga2mm-samples',
        )
    text = gr.Textbox(
        ', '.join(f'"{name}"' if ',' in name else name for name in contents.names),
        label='Class names',
        info='In your own words, separated by commas. A name with a comma: in double quotes.',
        lines=3,
        max_lines=8,
        max_length=2 * MAX_NAMES * MAX_NAME,
        elem_id='ga2mm-names',
    )
    window = gr.Slider(
        minimum=1,
        maximum=20,
        value=4,
        step=0.5,
        label='Window in seconds',
        info='A longer video has a time line: it is also classified window by window.',
        elem_id='ga2mm-window',
    )
    return [video, text, window]


def _take_only_files(video: gr.File) -> None:
    """Make the address of a video an error; the server would download it, however large it is.

    A subclass would not do: Gradio writes a file next to the module of each component class.
    """
    keep = video.async_move_resource_to_block_cache

    async def keep_file(path: str | Path | None) -> str | None:
        if '://' in str(path):
            raise gr.Error('an address is no video: upload a file', print_exception=False)
        return await keep(path)

    video.async_move_resource_to_block_cache = keep_file


def _outputs() -> list[gr.components.Component]:
    return [
        gr.HTML(HINT, elem_id='ga2mm-answer'),
        gr.Label(
            label='Probabilities',
            num_top_classes=10,
            show_heading=False,
            visible=False,
            elem_id='ga2mm-shares',
        ),
        gr.HTML(visible=False, elem_id='ga2mm-time-line'),
        gr.Gallery(
            label='Frames, as the model sees them',
            format='png',
            columns=4,
            height='auto',
            object_fit='contain',
            buttons=[],
            interactive=False,
            visible=False,
            elem_id='ga2mm-frames',
        ),
    ]


def _updates(classifier: PageClassifier, video: str | None, text: str, window: float) -> Iterator[list[Any]]:
    """Give the states of the outputs, one after another."""
    if video is None:
        yield _only(HINT)
        return
    yield _only(BUSY)
    try:
        last, waiting = 0.0, None
        for answer in classifier.answers(video, text, window):
            if last == 0.0:
                yield _first(answer, video)
            elif time.monotonic() - last < PAUSE:
                waiting = answer
                continue
            else:
                yield _next(answer)
            last, waiting = time.monotonic(), None
        if waiting is not None:
            yield _next(waiting)
    except (ValueError, OSError) as error:
        problem = ' '.join(str(error).split())
        gr.Warning(escape(problem))
        yield _only(problem_html(problem))


def _ended(shown: str) -> str:
    """Give what the label shows after a stop."""
    return HINT if shown == BUSY else shown


def _first(answer: Answer, video: str) -> list[Any]:
    return [
        gr.update(value=player_html(video), visible=True),
        gr.update(value=label_html(answer)),
        gr.update(value=dict(answer.prediction.top), visible=True),
        _time_line(answer),
        gr.update(value=answer.frames, visible=True),
    ]


def _next(answer: Answer) -> list[Any]:
    return [gr.skip(), gr.skip(), gr.skip(), _time_line(answer), gr.skip()]


def _time_line(answer: Answer) -> dict[str, Any]:
    line = answer.time_line
    return gr.update(value=line and time_line_html(line, answer.seconds), visible=line is not None)


def _only(html: str) -> list[Any]:
    """Show a line instead of an answer."""
    hidden = gr.update(value=None, visible=False)
    return [hidden, gr.update(value=html), hidden, hidden, hidden]
