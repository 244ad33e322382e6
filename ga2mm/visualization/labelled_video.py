"""Videos with their label written into the frames."""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ga2mm.datasets.frames_in_order import FileInOrder
from ga2mm.utils import numbered, replace_when_written
from ga2mm.visualization.sound import Sound
from ga2mm.visualization.text_font import by_font, escape, fonts_for

TIME_BASE = Fraction(1, 90000)

FRAMES_PER_SECOND = 10.0
"""Rate of videos in memory, which have none of their own."""

LEAST_HEIGHT, LEAST_WIDTH = 64, 64
"""Smaller videos are enlarged, so that the label can be read."""


def caption_of(prediction: Any) -> str:
    """Give the text of a :class:`~ga2mm.apis.prediction.Prediction`: labels with their probability."""
    shares = dict(prediction.top)
    lines = [f'{label}  {shares[label]:.0%}' if label in shares else label for label in prediction.labels]
    return '\n'.join(lines[:3]) or str(prediction.label or 'unreadable')


def write_labelled_videos(
    folder: str | Path, sources: Sequence[str | np.ndarray], predictions: Sequence[Any]
) -> list[Path | None]:
    """Write videos with the label of their prediction, as ``NAME.mp4`` in a folder.

    Args:
        folder: The folder. Videos of the same name are numbered.
        sources: Files, or frames in memory.
        predictions: One for each source.

    Returns:
        The path of each video; None for an unreadable one.
    """
    names = numbered([Path(one.video).stem for one in predictions])
    written: list[Path | None] = []
    for name, source, one in zip(names, sources, predictions, strict=True):
        readable = one.label is not None
        path = Path(folder) / f'{name}.mp4'
        written.append(write_labelled_video(path, source, [one]) if readable else None)
    return written


def write_labelled_video(path: str | Path, source: str | np.ndarray, segments: Sequence[Any]) -> Path:
    """Write a video with labels as H.264 in MP4, frame by frame, with the sound of the file.

    Args:
        path: The file to write, whole or not at all.
        source: File, or frames in memory, uint8 RGB (T, height, width, 3).
        segments: Predictions in the order of their ``start``; without it for the whole video.

    Raises:
        UnreadableVideoError: The file cannot be read.
    """
    captions = [caption_of(one) for one in segments]
    fonts, lacking = fonts_for(captions)
    captions = [escape(caption, lacking) for caption in captions]
    video = None if isinstance(source, np.ndarray) else FileInOrder(os.fspath(source))
    frames, times, rate = _frames(source, video)
    with replace_when_written(path) as temporary, av.open(str(temporary), 'w', format='mp4') as out:
        stream, sound, strips = None, None, []
        place = 0
        for number, frame in frames:
            if stream is None:
                size = _size(frame)
                stream = _add_stream(out, size, rate)
                sound = None if video is None else Sound(out, video)
                strips = [_strip(caption, size[0], fonts) for caption in captions]
            while place + 1 < len(segments) and (segments[place + 1].start or 0) <= times[number]:
                place += 1
            frame = np.array(Image.fromarray(frame).resize(size))
            strip = strips[place][: size[1]]
            frame[: len(strip)] = np.maximum(frame[: len(strip)] // 4, strip)
            picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
            picture.pts, picture.time_base = round(times[number] / TIME_BASE), TIME_BASE
            if sound is not None:
                sound.write_until(times[number])
            out.mux(stream.encode(picture))
        if sound is not None:
            sound.finish()
        out.mux(stream.encode(None))
    return Path(path)


def _frames(
    source: str | np.ndarray, video: FileInOrder | None
) -> tuple[Iterator[tuple[int, np.ndarray]], Sequence[float], float]:
    """Give numbered frames, their times in seconds, and the frame rate."""
    if video is None:
        return enumerate(source), np.arange(len(source)) / FRAMES_PER_SECOND, FRAMES_PER_SECOND
    times = video.frame_times()
    return video.frames_in_order(range(len(times))), times, video.get_avg_fps()


def _size(frame: np.ndarray) -> tuple[int, int]:
    """Give width and height of the video to write: even, and large enough for text."""
    height, width = frame.shape[:2]
    scale = max(1, -(-LEAST_HEIGHT // height), -(-LEAST_WIDTH // width))
    return max(2, width * scale // 2 * 2), max(2, height * scale // 2 * 2)


def _add_stream(out: Any, size: tuple[int, int], rate: float) -> Any:
    codec = 'libx264' if 'libx264' in av.codecs_available else 'mpeg4'
    stream = out.add_stream(codec, rate=Fraction(rate).limit_denominator(1001))
    stream.width, stream.height = size
    stream.pix_fmt = 'yuv420p'
    stream.codec_context.time_base = TIME_BASE
    return stream


def _strip(caption: str, width: int, font_files: Sequence[str]) -> np.ndarray:
    """Draw a caption on a strip of a video's width, uint8 RGB; lines that are too long are cut."""
    size = max(10, min(48, width // 24))
    fonts = {file: ImageFont.truetype(file, size) for file in font_files}
    lines = caption.split('\n')
    height = len(lines) * round(1.4 * size) + size // 2
    strip = Image.new('RGB', (width, height))
    draw = ImageDraw.Draw(strip)

    def length(line: str) -> float:
        return sum(draw.textlength(part, fonts[file]) for file, part in by_font(line, font_files))

    for number, line in enumerate(lines):
        while line and length(line) > width - size // 2:
            line = line[:-2] + '…' if len(line) > 2 else ''
        x, baseline = size / 4, size // 4 + number * round(1.4 * size) + size
        for file, part in by_font(line, font_files):
            draw.text((x, baseline), part, 'white', fonts[file], anchor='ls')
            x += draw.textlength(part, fonts[file])
    return np.array(strip)
