"""Videos of one colour after another, which the shipped CLIP knows."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS = 10
COLOURS = ['red object', 'green object', 'blue object']
RGB = dict(zip(COLOURS, ([230, 20, 20], [20, 200, 20], [20, 20, 230]), strict=True))


def coloured(colours: list[str], seconds: float = 1.0, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Frames of these colours, one after another, with noise that makes each frame different."""
    generator = np.random.default_rng(0)
    parts = [np.broadcast_to(RGB[one], (round(seconds * FPS), *size, 3)) for one in colours]
    frames = np.concatenate(parts) + generator.integers(-20, 21, (sum(map(len, parts)), *size, 3))
    return frames.clip(0, 255).astype(np.uint8)


def write(path: Path, frames: np.ndarray, rate: int = FPS) -> Path:
    """Write a lossless video in the pixel format of usual videos."""
    with av.open(str(path), 'w') as out:
        stream = out.add_stream('ffv1', rate=Fraction(rate))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        out.mux(stream.encode(None))
    return path
