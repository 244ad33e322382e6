"""The classifier behind the page: any class names, one video at a time, within bounds."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ga2mm.apis import VideoClassifier
from ga2mm.apis.prediction import Prediction
from ga2mm.apis.time_line import TimeLine
from ga2mm.datasets.frames_in_order import FileInOrder
from ga2mm.datasets.label_map import check_class_names
from ga2mm.datasets.text_file import csv_fields, quoted
from ga2mm.datasets.video_file import UnreadableVideoError

MAX_NAMES, MAX_NAME = 100, 100
"""Number of class names, and characters of a name."""

MAX_SECONDS, MAX_FRAMES = 600.0, 36_000
"""Length of a video: 10 minutes, at up to 60 frames per second."""

MAX_PIXELS, MAX_ASPECT = 4096 * 2304, 8
"""Size of a frame, and its longer side in shorter sides, since frames are resized by the shorter one."""

MAX_WINDOWS = 300
"""Number of windows; a larger stride replaces more of them."""

MAX_SHOWN, LEAST_HEIGHT = 32, 128
"""Number of frames to show. Smaller frames are enlarged."""


@dataclass(frozen=True)
class Answer:
    """What the page shows of a video.

    Attributes:
        prediction: The prediction for the whole video.
        frames: The frames that the model saw, each uint8 RGB (height, width, 3).
        level: Explanation of "none of these".
        seconds: Length of the video.
        warnings: What is wrong with the class names.
        time_line: The windows so far; None for a video that is not longer than a window.
    """

    prediction: Prediction
    frames: list[np.ndarray]
    level: str
    seconds: float
    warnings: tuple[str, ...] = ()
    time_line: TimeLine | None = None


class PageClassifier:
    """Classifier that answers the requests of a page.

    Args:
        classifier: The classifier.
        anchors: Irrelevant videos, which give the threshold for any class names. Without them, the threshold
            of the model file is valid for the classes of the file only.
    """

    def __init__(self, classifier: VideoClassifier, anchors: Sequence[Path] = ()) -> None:
        self.classifier = classifier
        self._anchors = list(anchors)
        self._own = (classifier.classes, classifier.none_below)
        self._names: tuple[str, ...] | None = None
        self._warnings: tuple[str, ...] = ()
        # A request that is cancelled may still compute its last step while the next request begins.
        self._lock = Lock()

    def answers(self, video: str, text: str, window: float) -> Iterator[Answer]:
        """Classify a video: first as a whole, then window by window if it is longer than a window.

        The stride is a quarter of the window, or more for a very long video.

        Args:
            video: The file.
            text: Class names; see :func:`read_names`.
            window: Length of a window in seconds.

        Yields:
            The answer, with a time line that grows.

        Raises:
            ValueError: The video cannot be read or exceeds a bound, or a class name is wrong.
        """
        names = read_names(text)
        try:
            yield from self._answers(video, names, window)
        except UnreadableVideoError as error:
            raise ValueError(f'{Path(video).name}: {error.reason}') from None

    def _answers(self, video: str, names: tuple[str, ...], window: float) -> Iterator[Answer]:
        seconds = check_video(video)
        with self._lock:
            answer = self._whole(video, names, seconds)
        if seconds <= window:
            yield answer
            return
        stride = max(window / 4, (seconds - window) / (MAX_WINDOWS - 1))
        batch_size = 1 if self.classifier.model.backbone.device.type == 'cpu' else 8
        line = TimeLine(answer.prediction.video, window, stride, ())
        yield replace(answer, time_line=line)
        steps = self.classifier.watch(video, window, stride, batch_size, top=1)
        while True:
            with self._lock:
                self._use(names)
                found = next(steps, None)
            if found is None:
                return
            line = replace(line, predictions=(*line.predictions, _without_folder(found)))
            yield replace(answer, time_line=line)

    def _whole(self, video: str, names: tuple[str, ...], seconds: float) -> Answer:
        """Classify the whole video."""
        new = names != self._names
        with warnings.catch_warnings(record=True, action='always', category=UserWarning) as caught:
            self._use(names)
            item = self.classifier.pipeline.read(video)
            (sample,) = self.classifier.forward([(video, item)], top=len(names))
        if new:  # the features of the names are computed once
            self._warnings = tuple(dict.fromkeys(' '.join(str(one.message).split()) for one in caught))
        one = _without_folder(sample.prediction)
        return Answer(one, _frames_of(item), self._level(), seconds, self._warnings)

    def _use(self, names: tuple[str, ...]) -> None:
        """Set the class names and the threshold for them."""
        if names == self._names:
            return
        self._names = None
        self.classifier.model.set_classes(names)
        if self._anchors:
            self.classifier.calibrate(self._anchors)
        else:
            own, level = self._own
            self.classifier.none_below = level if set(names) == set(own) else None
        if self.classifier.none_below is None and len(names) < 2:
            raise ValueError('one class name alone has a probability of 100 %: give at least two')
        self._names = names

    def _level(self) -> str:
        level = self.classifier.none_below
        if level is not None:
            return (
                f'At {level:.2f} or less it is “none of these”: 5 % of irrelevant videos exceed this level.'
            )
        if self._own[1] is not None:
            return (
                'Every video gets one of the names, since the level for “none of these” in the model file is '
                'valid for its own classes only.'
            )
        return (
            'Every video gets one of the names, since this model has no level for “none of these”. '
            'ga2mm export --anchors FOLDER writes one into a model file.'
        )


def read_names(text: str) -> tuple[str, ...]:
    """Read class names: separated by commas or line breaks, a name with a comma in double quotes.

    Raises:
        ValueError: There are no names or too many, or a name is too long, wrong or given twice.
    """
    if len(text) > 2 * MAX_NAMES * MAX_NAME:
        raise ValueError(f'{len(text)} characters of class names: give at most {MAX_NAMES} names')
    names = [name for line in text.splitlines() for name in csv_fields(line, 'class names') if name]
    if not names:
        raise ValueError('there are no class names: give some, separated by commas')
    if len(names) > MAX_NAMES:
        raise ValueError(f'{len(names)} class names: give at most {MAX_NAMES}')
    for name in names:
        if len(name) > MAX_NAME:
            raise ValueError(
                f'the class name {quoted(name)} is longer than {MAX_NAME} characters: shorten it'
            )
    return check_class_names(names, [f'name {place}' for place in range(1, len(names) + 1)])


def check_video(video: str) -> float:
    """Check that a video is within the bounds of the page, and give its length in seconds.

    Raises:
        UnreadableVideoError: The video cannot be read.
        ValueError: It exceeds a bound.
    """
    name = Path(video).name
    opened = FileInOrder(video)
    seconds = float(opened.frame_times()[-1]) + 1 / opened.get_avg_fps()
    if seconds > MAX_SECONDS or len(opened) > MAX_FRAMES:
        raise ValueError(
            f'{name}: {seconds:.0f} seconds and {len(opened)} frames; this page takes up to '
            f'{MAX_SECONDS:.0f} seconds and {MAX_FRAMES} frames: cut the video, or use ga2mm predict --window'
        )
    height, width = (opened.frames([0]) or opened.frames([0]))[0].shape[:2]
    if height * width > MAX_PIXELS or max(height, width) > MAX_ASPECT * min(height, width):
        raise ValueError(
            f'{name}: frames of {width} x {height} pixels; this page takes up to 4096 x 2304 pixels and '
            f'sides of 1:{MAX_ASPECT}: resize the video'
        )
    return seconds


def _without_folder(prediction: Prediction) -> Prediction:
    """Name the video without its folder, a temporary one."""
    name = Path(prediction.video).name
    problem = prediction.problem and prediction.problem.replace(prediction.video, name)
    return replace(prediction, video=name, problem=problem)


def _frames_of(item: dict[str, Any]) -> list[np.ndarray]:
    """Give the frames of an item, whose inputs are (clips, 3, T, height, width) or (T, 3, height, width)."""
    inputs = item['inputs'].numpy()
    frames = np.moveaxis(inputs, 1, -1).reshape(-1, *inputs.shape[-2:], 3)[:MAX_SHOWN]
    scale = -(-LEAST_HEIGHT // frames.shape[1])
    return [frame.repeat(scale, axis=0).repeat(scale, axis=1) for frame in frames]
