"""Inputs of prediction: files, folders, lists of them, and frames in memory."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets.folder import IMG_EXTENSIONS

from ga2mm.datasets.folder import VIDEO_SUFFIXES, files_below
from ga2mm.datasets.frames_in_order import is_stream
from ga2mm.utils import first_few


@dataclass(frozen=True, eq=False)
class Frames:
    """A video in memory: its name and its frames, uint8 RGB (T, height, width, 3)."""

    name: str
    frames: np.ndarray


def list_inputs(inputs: Any, images: bool = False) -> list[str | Frames]:
    """List the videos of files, folders, frames, and lists of them.

    Folders give the videos below them by suffix, sorted by path; other files are left out with a warning that
    names them. A file that is given itself may have any suffix.

    Args:
        inputs: The inputs.
        images: Whether to list images instead of videos.

    Raises:
        OSError: A folder cannot be read.
        ValueError: A folder has no videos, an array has another shape or type than frames, a source is a
            stream, or there are no inputs.
    """
    found: list[str | Frames] = []
    for one in inputs if isinstance(inputs, list | tuple) else [inputs]:
        if isinstance(one, np.ndarray):
            found.append(Frames(f'frames {len(found)}', _check_frames(one)))
        elif isinstance(one, list | tuple):
            found += list_inputs(one, images)
        elif isinstance(one, str | Path) and os.path.isdir(one):
            found += _list_folder(str(one), IMG_EXTENSIONS if images else VIDEO_SUFFIXES)
        elif is_stream(one):
            raise ValueError(
                f'{one} is a camera or a stream without a known end: classify it by windows '
                '(VideoClassifier.watch, --window and --stride)'
            )
        elif isinstance(one, str | Path):
            found.append(str(one))
        else:
            raise ValueError(f'{one!r:.100} is not a video: give files, folders or arrays of frames')
    if not found:
        raise ValueError('there are no videos: give files, folders or arrays of frames')
    return found


def _list_folder(folder: str, suffixes: tuple[str, ...]) -> list[str]:
    everything = sorted(files_below(folder, ('',)))
    videos = [path for path in everything if path.lower().endswith(suffixes)]
    others = [path for path in everything if not path.lower().endswith(suffixes)]
    if not videos:
        raise ValueError(f'{folder}: no video in this folder; names of videos end in {", ".join(suffixes)}')
    if others:
        warnings.warn(
            f'{folder}: {len(others)} files are left out, whose names do not end as those of videos: '
            f'{first_few(others)}',
            stacklevel=3,
        )
    return [os.path.join(folder, path) for path in videos]


def _check_frames(frames: np.ndarray) -> np.ndarray:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise ValueError(
            f'an array of {frames.dtype} and shape {frames.shape} is not a video: give uint8 RGB frames of '
            'shape (T, height, width, 3)'
        )
    return frames
