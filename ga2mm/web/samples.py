"""Sample videos of the miniature world, for a page that works at once without weights and without videos.

Videos to look at are enlarged and in H.264, which browsers play. They have the style of the images that the
miniature CLIP was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ga2mm.miniature import world
from ga2mm.miniature.dataset import write_video

SCENES = (
    ('red', 'circle', 'bouncing', 'grass'),
    ('yellow', 'star', 'spinning', 'night'),
    ('purple', 'moon', 'sliding', 'sand'),
    ('pink', 'heart', 'growing', 'stone'),
    ('cyan', 'ring', 'orbiting', 'wood'),
    ('white', 'diamond', 'falling', 'brick'),
)
"""Colour, shape, action and background of each class of the samples."""

NAMES = tuple(f'{colour} {shape} {action}' for colour, shape, action, _ in SCENES)
"""Class names of the samples."""

OTHER = ('green', 'arrow', 'shaking', 'snow')
"""A scene of none of the classes."""

ANCHORS = 40
"""Number of irrelevant videos, so that 5 % are two of them."""

RATE = 8
"""Frames per second."""

SHORT, PART = 1.5, 6.0
"""Seconds of a clip, and of each scene of the long video."""

SCALE = 8
"""Pixels on a side that show one rendered pixel."""


@dataclass(frozen=True)
class Samples:
    """Files of sample videos.

    Attributes:
        videos: The videos to choose on the page, by title.
        anchors: Irrelevant videos, from which the level of "none of these" is computed.
    """

    videos: dict[str, Path]
    anchors: list[Path]


def write_samples(folder: Path) -> Samples:
    """Write the sample videos: four of the classes, one of no class, a long one, and irrelevant ones.

    Args:
        folder: The folder to make.
    """
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    shown = {NAMES[place]: [SCENES[place]] for place in range(4)}
    shown['something else'] = [OTHER]
    shown['a long video'] = [*SCENES[:3], OTHER, *SCENES[3:]]
    videos = {}
    for title, scenes in shown.items():
        seconds = SHORT if len(scenes) == 1 else PART
        frames = np.concatenate(_render(scenes, round(seconds * RATE), rng))
        videos[title] = folder / f'{title.replace(" ", "_")}.mp4'
        _write_mp4(videos[title], frames)
    return Samples(videos, _write_anchors(folder / 'anchors', rng))


def _render(scenes: Sequence[tuple[str, ...]], frames: int, rng: np.random.Generator) -> np.ndarray:
    """Render scenes, uint8 RGB (scenes, frames, height, width, 3)."""
    tables = (world.COLOURS, world.SHAPES, world.ACTIONS, world.BACKGROUNDS)
    colour, shape, action, background = (
        np.array([list(table).index(name) for name in names])
        for table, names in zip(tables, zip(*scenes, strict=True), strict=True)
    )
    plain = np.full(len(scenes), world.TEXTURES.index('plain'))
    times = np.tile(np.linspace(0, 1, frames, dtype=np.float32), (len(scenes), 1))
    return world.render(world.Scenes(shape, action, colour, plain, background), world.CLEAN, times, rng)


def _write_mp4(path: Path, frames: np.ndarray) -> None:
    """Write frames (T, height, width, 3), each pixel as a square, so that browsers show it sharp."""
    frames = frames.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    codec = 'libx264' if 'libx264' in av.codecs_available else 'mpeg4'
    with av.open(str(path), 'w', options={'movflags': 'faststart'}) as out:
        stream = out.add_stream(codec, rate=Fraction(RATE))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        out.mux(stream.encode(None))


def _write_anchors(folder: Path, rng: np.random.Generator) -> list[Path]:
    """Write irrelevant videos: shapes that no class of the miniature world has, a fifth without an object."""
    folder.mkdir()
    scenes = world.random_scenes(world.RESERVED_SHAPES, ANCHORS, rng, empty=0.2)
    clips = world.render(scenes, world.CLEAN, world.video_times(ANCHORS), rng)
    paths = [folder / f'{number}.mkv' for number in range(ANCHORS)]
    for path, clip in zip(paths, clips, strict=True):
        write_video(path, clip)
    return paths
