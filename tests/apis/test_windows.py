"""Windows of long videos."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from ga2mm.apis.windows import cut_windows, windows_of_file, windows_of_stream
from ga2mm.datasets.frames_in_order import FileInOrder


def spans(times: np.ndarray, fps: float, window: float, stride: float) -> list[tuple]:
    found = windows_of_file(times, fps, window, stride)
    return [(one.first, one.frames, one.start, one.end) for one in found]


def test_last_window_ends_with_the_video_and_is_as_long_as_the_others() -> None:
    times = np.arange(25) / 10
    assert spans(times, 10, 1.0, 1.0) == [(0, 10, 0, 1), (10, 10, 1, 2), (15, 10, 1.5, 2.5)]
    assert spans(times, 10, 2.5, 1.0) == [(0, 25, 0, 2.5)]
    assert spans(times, 10, 9.0, 1.0) == [(0, 25, 0, 2.5)]


def test_gaps_between_windows_are_possible() -> None:
    assert [one[2] for one in spans(np.arange(50) / 10, 10, 0.5, 2.0)] == [0, 2, 4, 4.5]


def test_windows_of_a_stream_have_no_end() -> None:
    found = list(islice(windows_of_stream(29.97, 2.0, 1.0), 100))
    assert {one.frames for one in found} == {60}
    assert [one.first for one in found[:3]] == [0, 30, 60]
    assert found[99].first == round(99 * 29.97)


@pytest.fixture
def irregular(tmp_path: Path) -> Path:
    """A video of ten frames in its first second and two in its second one; frame i is grey of value 10 i."""
    path = tmp_path / 'irregular.mkv'
    with av.open(str(path), 'w') as out:
        stream = out.add_stream('ffv1', rate=10)
        stream.height = stream.width = 32
        stream.pix_fmt = 'gray'
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate([*range(0, 1000, 100), 1000, 1500]):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32), 10 * number, np.uint8), format='gray')
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_windows_follow_the_times_of_the_frames(irregular: Path) -> None:
    video = FileInOrder(str(irregular))
    times = video.frame_times()
    assert times == pytest.approx([*np.arange(10) / 10, 1.0, 1.5])
    windows = list(windows_of_file(times, 6.0, 1.0, 1.0))
    assert [(one.first, one.frames) for one in windows[:2]] == [(0, 10), (7, 5)]


def test_frames_of_windows_are_those_that_are_sampled(irregular: Path) -> None:
    video = FileInOrder(str(irregular))
    windows = list(windows_of_file(np.arange(12.0), 1.0, 4.0, 2.0))

    def sample(count: int) -> dict:
        return dict(frame_inds=np.array([count - 1, 0]))  # in any order

    found = [
        (window.first, [round(float(frame.mean()) / 10) for frame in frames])
        for window, _, frames in cut_windows(video, windows, sample, lambda frame: frame[:2])
    ]
    assert found == [(first, [first + 3, first]) for first in (0, 2, 4, 6, 8)]


@pytest.mark.parametrize('name', ['good.avi', 'good 0.mp4'])
def test_times_of_usual_videos_are_those_of_their_rate(videos: Path, name: str) -> None:
    video = FileInOrder(str(videos / name))
    assert video.frame_times() == pytest.approx(np.arange(24) / 10)
