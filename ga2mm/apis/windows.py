"""Windows of a video, cut in one pass with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np

from ga2mm.datasets.frames_in_order import FileInOrder, Stream

ROUNDING = 1e-6
"""Seconds by which a frame may lie before the begin of a window and still belong to it."""


@dataclass(frozen=True)
class Window:
    """Part of a video.

    Attributes:
        first: Index of the first frame.
        frames: Number of frames.
        start: Begin in seconds from the first frame of the video.
        end: End in seconds.
    """

    first: int
    frames: int
    start: float
    end: float


def check_window(window: float, stride: float) -> None:
    """Raise a ValueError if window or stride, in seconds, are not above zero."""
    for name, value in (('window', window), ('stride', stride)):
        if not value > 0 or value == float('inf'):
            raise ValueError(f'{name}={value}: give seconds above 0')


def windows_of_file(times: np.ndarray, fps: float, window: float, stride: float) -> Iterator[Window]:
    """Give the windows of a file: [0, window), [stride, stride + window), and so on.

    The last one ends where the video ends. It begins earlier than the stride says if it would be too short
    otherwise, so that all windows of a video are equally long; a video shorter than the window is one window.

    Args:
        times: Seconds (frames,) of the frames.
        fps: Frames per second.
        window: Length in seconds.
        stride: Seconds from window to window.
    """
    duration = float(times[-1]) + 1 / fps
    last = max(0.0, duration - window)
    for number in count():
        start = min(number * stride, last)
        end = min(start + window, duration)
        first, stop = np.searchsorted(times, [start - ROUNDING, end - ROUNDING])
        first = min(int(first), len(times) - 1)
        yield Window(first, max(1, int(stop) - first), round(start, 6), round(end, 6))
        if start >= last - ROUNDING:
            return


def windows_of_stream(fps: float, window: float, stride: float) -> Iterator[Window]:
    """Give the windows of a stream, without end, at a constant frame rate."""
    frames = max(1, round(window * fps))
    for number in count():
        first = round(number * stride * fps)
        yield Window(first, frames, round(first / fps, 6), round((first + frames) / fps, 6))


def cut_windows(
    video: FileInOrder | Stream,
    windows: Iterable[Window],
    sample: Callable[[int], dict[str, Any]],
    shrink: Callable[[np.ndarray], np.ndarray],
) -> Iterator[tuple[Window, dict[str, Any], list[np.ndarray]]]:
    """Give the sampled frames of each window, decoding the video once.

    In memory are only frames that a window samples which is not complete yet.

    Args:
        video: The video.
        windows: The windows, in the order of their begin.
        sample: Samples ``frame_inds`` from a number of frames.
        shrink: Makes a frame smaller.

    Yields:
        Window, output of ``sample``, and the frames. It ends early if the video has fewer frames.
    """
    unfinished: deque[tuple[Window, dict[str, Any], np.ndarray]] = deque()
    kept: dict[int, np.ndarray] = {}
    for index, frame in video.frames_in_order(_wanted(windows, sample, unfinished)):
        kept[index] = shrink(frame)
        while unfinished and unfinished[0][2].max() <= index:
            window, sampled, indices = unfinished.popleft()
            yield window, sampled, [kept[int(one)] for one in indices]
        first = unfinished[0][0].first if unfinished else index + 1
        for old in [one for one in kept if one < first]:
            del kept[old]


def _wanted(
    windows: Iterable[Window],
    sample: Callable[[int], dict[str, Any]],
    unfinished: deque[tuple[Window, dict[str, Any], np.ndarray]],
) -> Iterator[int]:
    """Give the indices that windows sample in ascending order, and add the windows to ``unfinished``."""
    coming = iter(windows)
    window, waiting, last = next(coming, None), [], -1
    while window is not None or waiting:
        while window is not None and (not waiting or window.first <= waiting[0]):
            sampled = sample(window.frames)
            indices = window.first + np.ravel(sampled['frame_inds'])
            unfinished.append((window, sampled, indices))
            for index in set(indices.tolist()):
                heappush(waiting, index)
            window = next(coming, None)
        index = heappop(waiting)
        if index != last:
            last = index
            yield index
