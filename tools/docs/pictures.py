"""The pictures of README that readme.py renews: the trade-off plot, and sample clips with their answers."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import matplotlib
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

import ga2mm
from ga2mm.apis.config import read_config
from ga2mm.datasets import read_annotation, read_label_map
from ga2mm.datasets.transforms import OpenVideo
from ga2mm.engine.protocol_test_sets import named_sets
from ga2mm.miniature import dataset, world
from ga2mm.utils import replace_when_written, write_text
from ga2mm.visualization import tradeoff_figure
from ga2mm.visualization.text_font import USUAL

CLASSES, COLUMNS = 6, 3
"""Classes of each test set that the animation shows, and clips in a row of it."""

CLIP, WIDTH, ROW, TOP = 160, 720, 266, 52
"""Sizes in pixels: an enlarged clip, the animation, a row of it, and the line above the rows."""

MILLISECONDS = 260
"""Time of a frame."""

PAPER, INK, FAINT, RIGHT, WRONG = '#161b22', '#f0f3f6', '#aab4c0', '#56d08a', '#ff8f87'

ROW_TITLES = {'base': 'Base classes, tuned on', 'novel': 'Novel classes, never tuned on'}

SCHEMES = """<style>
svg { fill: var(--ink);
  --paper: #ffffff; --ink: #1f2328; --faint: #6b7580; --grid: #bfc5cc; --blue: #0072b2; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #161b22; --ink: #f0f3f6; --faint: #9ea7b3; --grid: #4d5661; --blue: #3f9fdd; }
}
</style>
"""
"""Colours of a picture for light and for dark pages; each has its own background."""

COLOUR_NAMES = {
    '#ffffff': '--paper',
    '#000000': '--ink',
    '#808080': '--faint',
    '#bfbfbf': '--grid',
    '#4c4c4c': '--faint',
    '#0072b2': '--blue',
}


@dataclass(frozen=True)
class SampleClip:
    """A test clip with the answers of two runs.

    Args:
        frames: uint8 RGB of shape (T, height, width, 3), without the noise that the models see.
        part: The test set, base or novel.
        name: The true class.
        before, after: The answers of zero-shot CLIP and of GA2-CLIP, among the names of the test set.
    """

    frames: np.ndarray
    part: str
    name: str
    before: str
    after: str


def read_sample_clips(work_dir: Path) -> list[SampleClip]:
    """Classify test clips with and without tuning: of each test set the first clip of each of six classes.

    The rule looks at no answer: the runs are of the first class draw and seed, the classes are the first ones
    of the label map, the clips the first ones of the test list.

    Args:
        work_dir: Folder of a benchmark of the miniature world, with runs of zero-shot CLIP and GA2-CLIP.

    Raises:
        ValueError: The benchmark has no such runs.
        OSError: A list or a video does not exist.
    """
    runs = (work_dir / 'cells' / 'mild' / 'GA2-CLIP').glob('draw*_seed*/epoch_*.pth')
    checkpoint = min(
        runs, key=lambda path: [int(n) for n in re.findall(r'\d+', path.parent.name)], default=None
    )
    if checkpoint is None:
        raise ValueError(
            f'{work_dir} has no finished run of GA2-CLIP: give the folder of a benchmark of miniature.py'
        )
    tuned = checkpoint.with_name('miniature_ga2.py')
    draw = checkpoint.parent.name.partition('_')[0]
    frozen = work_dir / 'cells' / 'mild' / 'zero-shot_CLIP' / draw / 'miniature_zero_shot.py'
    models = [ga2mm.load(frozen), ga2mm.load(tuned, checkpoint)]
    sets = {name: config['dataset'] for name, _, config in named_sets(read_config(tuned).test_dataloader)}
    clips = []
    with tempfile.TemporaryDirectory() as folder:
        plain = _without_noise(Path(folder), int(draw.removeprefix('draw')))
        for part in ROW_TITLES:
            names = read_label_map(sets[part]['label_map'])
            first = {label: path for path, label in reversed(read_annotation(sets[part]['ann_file']))}
            for label in range(CLASSES):
                path = Path(sets[part]['data_prefix']['video'], first[label])
                before, after = (next(iter(ga2mm.classify(model, path, names))) for model in models)
                shown = _frames(plain / 'videos' / first[label])
                clips.append(SampleClip(shown, part, names[label], before, after))
    return clips


def _without_noise(root: Path, draw: int) -> Path:
    """Write the videos of a draw as they are before the noise, and give their folder."""
    quiet = replace(world.STYLES['mild'], noise=0.0)
    with patch.dict(world.STYLES, mild=quiet):
        return dataset.generate_draw(root, draw)


def _frames(path: Path) -> np.ndarray:
    video = OpenVideo().transform({'filename': str(path)})['video_reader']
    return np.stack(video.frames(range(len(video))))


def write_animation(clips: Sequence[SampleClip], path: Path) -> None:
    """Write clips as an animated WebP: a few of each test set at a time, before and then after tuning."""
    pictures = list(_pictures(clips))
    with replace_when_written(path) as temporary:
        pictures[0].save(
            temporary,
            format='WEBP',
            save_all=True,
            append_images=pictures[1:],
            duration=MILLISECONDS,
            loop=0,
            quality=30,
            method=6,
        )


def _pictures(clips: Sequence[SampleClip]) -> Iterator[Image.Image]:
    rows = {part: [clip for clip in clips if clip.part == part] for part in ROW_TITLES}
    for start in range(0, max(map(len, rows.values())), COLUMNS):
        shown = [clip for row in rows.values() for clip in row[start : start + COLUMNS]]
        for tuned in (False, True):
            for number in range(max(len(clip.frames) for clip in shown)):
                yield _picture(
                    {part: row[start : start + COLUMNS] for part, row in rows.items()}, number, tuned
                )


def _picture(rows: dict[str, Sequence[SampleClip]], number: int, tuned: bool) -> Image.Image:
    """Draw one picture of the animation."""
    picture = Image.new('RGB', (WIDTH, TOP + ROW * len(rows)), PAPER)
    draw = ImageDraw.Draw(picture)
    title = 'After tuning: GA2-CLIP' if tuned else 'Before tuning: zero-shot CLIP'
    draw.text((WIDTH / 2, 36), title, INK, _font(26, 'bold'), anchor='ms')
    for row, (part, clips) in enumerate(rows.items()):
        top = TOP + row * ROW
        draw.text((WIDTH / 2, top + 24), ROW_TITLES[part], FAINT, _font(20), anchor='ms')
        for column, clip in enumerate(clips):
            middle = round(WIDTH * (column + 0.5) / COLUMNS)
            frame = Image.fromarray(clip.frames[number % len(clip.frames)])
            picture.paste(
                frame.resize((CLIP, CLIP), Image.Resampling.NEAREST), (middle - CLIP // 2, top + 36)
            )
            answer = clip.after if tuned else clip.before
            mark, colour = ('✓', RIGHT) if answer == clip.name else ('✗', WRONG)
            draw.text((middle, top + CLIP + 59), clip.name, INK, _font(20), anchor='ms')
            draw.text((middle, top + CLIP + 87), f'{mark} {answer}', colour, _font(20, 'bold'), anchor='ms')
    return picture


def _font(size: int, weight: str = 'normal') -> ImageFont.FreeTypeFont:
    file = font_manager.findfont(font_manager.FontProperties(family=USUAL, weight=weight))
    return ImageFont.truetype(file, size)


def draw_tradeoff(rows: Sequence[Sequence[str]], path: Path) -> None:
    """Draw base against novel accuracy as SVG.

    Args:
        rows: Method, base, novel and HM (``81.7 ± 5.6``) and more cells, for each method.
        path: The file.
    """
    values = [[name, *(float(cell.split()[0]) for cell in cells[:3])] for name, *cells in rows]
    keys = ('method', 'base', 'novel', 'hm')
    figure = tradeoff_figure([dict(zip(keys, row, strict=True), dataset='Miniature world') for row in values])
    figure.legends[0].get_title().set_text('means over all runs; grey: lines of equal harmonic mean (HM)')
    with (
        replace_when_written(path) as temporary,
        matplotlib.rc_context({'svg.hashsalt': path.name, 'svg.fonttype': 'path'}),
    ):
        figure.savefig(temporary, format='svg', metadata={'Date': None})
        text = temporary.read_text(encoding='utf-8')
    for colour, name in COLOUR_NAMES.items():
        text = text.replace(colour, f'var({name})')
    write_text(path, text.replace(' <defs>', f'{SCHEMES} <defs>', 1))
