"""Labelled videos keep their sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ga2mm.apis.prediction import Prediction
from ga2mm.visualization.labelled_video import write_labelled_video

RATE = 48000
TONE = 440.0
"""Hertz."""

LABEL = Prediction('v', 'a', (('a', 0.9),), ('a',))


def write_film(
    path: Path, codec: str, silence: float = 0.5, seconds: float = 2.0, start: float = 0.0
) -> None:
    """Write a video of 20 frames, 10 a second, whose tone begins after a silence.

    Args:
        path: The file.
        codec: Codec of the sound.
        silence: Seconds before the tone, counted from the first sample.
        start: Seconds from the first sample to the first frame.
    """
    time = np.arange(2 * RATE) / RATE
    tone = np.where(time < silence, 0, 0.5 * np.sin(2 * np.pi * TONE * time))
    with av.open(str(path), 'w') as out:
        video, sound = out.add_stream('mpeg4', rate=10), out.add_stream(codec, rate=RATE, layout='mono')
        video.width, video.height, video.pix_fmt = 64, 64, 'yuv420p'
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 9 * number, np.uint8), format='rgb24')
            frame.pts, frame.time_base = number + round(10 * start), Fraction(1, 10)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        samples = (tone * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format='s16', layout='mono')
        frame.rate, frame.pts = RATE, 0
        resampler = av.AudioResampler(sound.format, 'mono', RATE)
        for part in resampler.resample(frame):
            out.mux(sound.encode(part))
        out.mux(sound.encode(None))


def sound_of(path: Path) -> tuple[float, np.ndarray]:
    """Give the time of the first sample in seconds and the samples of the first channel."""
    with av.open(str(path)) as film:
        frames = [frame for frame in film.decode(audio=0)]
    resampler = av.AudioResampler('fltp', 'mono', RATE)
    parts = [part.to_ndarray()[0] for frame in [*frames, None] for part in resampler.resample(frame)]
    return frames[0].time, np.concatenate(parts)


def begin_of_tone(path: Path) -> float:
    """Give the second at which the tone begins."""
    first, samples = sound_of(path)
    return first + np.argmax(np.abs(samples) > 0.2) / RATE


def pitch(path: Path) -> float:
    """Give the strongest frequency in hertz."""
    _, samples = sound_of(path)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.mark.parametrize(('name', 'codec'), [('a.mp4', 'aac'), ('a.mkv', 'pcm_s16le'), ('b.mkv', 'flac')])
def test_sound_stays_with_the_frames(name: str, codec: str, tmp_path: Path) -> None:
    write_film(tmp_path / name, codec)
    out = write_labelled_video(tmp_path / 'out.mp4', str(tmp_path / name), [LABEL])
    with av.open(str(out)) as film:
        assert film.streams.audio[0].codec_context.name == 'aac'
        assert sum(1 for _ in film.decode(video=0)) == 20
    assert pitch(out) == pytest.approx(TONE, abs=1)
    assert begin_of_tone(out) == pytest.approx(begin_of_tone(tmp_path / name), abs=0.03)
    assert len(sound_of(out)[1]) == pytest.approx(2 * RATE, abs=0.05 * RATE)


@pytest.mark.parametrize('codec', ['aac', 'flac'])
def test_sound_before_the_first_frame_is_left_out(codec: str, tmp_path: Path) -> None:
    write_film(tmp_path / 'a.mkv', codec, silence=1.2, start=0.5)
    out = write_labelled_video(tmp_path / 'out.mp4', str(tmp_path / 'a.mkv'), [LABEL])
    assert begin_of_tone(out) == pytest.approx(0.7, abs=0.04)


def test_aac_is_copied_and_not_encoded_again(tmp_path: Path) -> None:
    write_film(tmp_path / 'a.mp4', 'aac')
    out = write_labelled_video(tmp_path / 'out.mp4', str(tmp_path / 'a.mp4'), [LABEL])

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as film:
            return [bytes(packet) for packet in film.demux(audio=0) if packet.size]

    found = packets(out)
    assert found and found == packets(tmp_path / 'a.mp4')[-len(found) :]


def test_a_video_without_sound_and_frames_in_memory_have_none(tmp_path: Path) -> None:
    frames = np.zeros((5, 64, 64, 3), np.uint8)
    silent = write_labelled_video(tmp_path / 'a.mp4', frames, [LABEL])
    again = write_labelled_video(tmp_path / 'b.mp4', str(silent), [LABEL])
    for path in (silent, again):
        with av.open(str(path)) as film:
            assert not film.streams.audio and len(film.streams.video) == 1


def test_damaged_sound_is_named_and_the_video_is_whole(tmp_path: Path) -> None:
    path = tmp_path / 'a.mkv'
    write_film(path, 'flac', silence=0)
    content = path.read_bytes()
    with av.open(str(path)) as film:
        packets = [bytes(packet) for packet in film.demux(audio=0) if packet.size]
    for packet in packets[len(packets) // 2 :]:
        content = content.replace(packet, bytes(len(packet)))
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r'a.mkv: the copy with labels lacks sound: .* the rest is left out'):
        out = write_labelled_video(tmp_path / 'out.mp4', str(path), [LABEL])
    with av.open(str(out)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 20
    assert len(sound_of(out)[1]) > RATE / 2
