"""Frames that torchcodec decodes equal those of PyAV."""

import sys
from pathlib import Path

import av
import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from ga2mm.datasets import DecodeFrames, OpenVideo, VideoFile
from ga2mm.datasets.torchcodec_file import TorchcodecFile, check_torchcodec
from tests.helpers import running

DATA = running.DATA / 'videos'
CODECS = {
    'h264.mp4': ('libx264', 'yuv420p'),
    'h264.mkv': ('libx264', 'yuv420p'),
    'full chroma.mov': ('libx264', 'yuv444p'),
    'ten bits.mp4': ('libx264', 'yuv420p10le'),
    'vp9.webm': ('libvpx-vp9', 'yuv420p'),
    'h264.avi': ('libx264', 'yuv420p'),
    'h264.ts': ('libx264', 'yuv420p'),
}


@pytest.fixture
def torchcodec() -> None:
    try:
        check_torchcodec()
    except ValueError as error:
        pytest.skip(str(error))


def write_video(path: Path, codec: str, pix_fmt: str) -> None:
    """A video of 70 x 50 pixels with key frames every 10 frames."""
    blocks = np.random.default_rng(0).integers(0, 255, (40, 10, 14, 3), dtype=np.uint8)
    with av.open(str(path), 'w') as file:
        stream = file.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 70, 50, pix_fmt, 10
        for image in blocks.repeat(5, axis=1).repeat(5, axis=2):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        file.mux(stream.encode(None))


def assert_equal_frames(path: Path) -> None:
    video, other = VideoFile(str(path)), TorchcodecFile(str(path))
    indices = [len(video) - 1, 0, 3, 3, len(video) // 2]
    for expected, frame in zip(video.frames(indices), other.frames(indices), strict=True):
        np.testing.assert_array_equal(frame, expected)
    assert (len(other), other.get_avg_fps(), other.lost) == (len(video), video.get_avg_fps(), video.lost)


@pytest.mark.parametrize('name', CODECS)
def test_frames_equal_those_of_pyav(torchcodec, tmp_path, name):
    write_video(tmp_path / name, *CODECS[name])
    assert_equal_frames(tmp_path / name)


@pytest.mark.parametrize('name', ['edit4.mp4', 'drop.mp4', 'ts.ts', 'theora.ogv', 'anim.gif', 'av1.mp4'])
def test_frames_of_unusual_files_equal_those_of_pyav(torchcodec, name):
    assert_equal_frames(DATA / name)


def test_torchcodec_decodes_if_the_container_stores_times(torchcodec, tmp_path):
    path = tmp_path / 'video.mp4'
    write_video(path, 'libx264', 'yuv420p')
    found = TorchcodecFile(str(path))._find_with_torchcodec([2, 30])
    expected = VideoFile(str(path)).frames([2, 30])
    np.testing.assert_array_equal(list(found.values()), expected)


def test_a_rotated_video_is_not_turned(torchcodec, tmp_path):
    path = tmp_path / 'video.mp4'
    write_video(path, 'libx264', 'yuv420p')
    upright = b'\0\1\0\0' + bytes(12) + b'\0\1\0\0' + bytes(12) + b'\x40\0\0\0'
    turned = b'\xff\xff\0\0' + bytes(12) + b'\xff\xff\0\0' + bytes(12) + b'\x40\0\0\0'
    before, header, track = path.read_bytes().partition(b'tkhd')
    assert upright in track
    path.write_bytes(before + header + track.replace(upright, turned, 1))
    assert_equal_frames(path)


def test_a_damaged_file_is_read_by_pyav(torchcodec, tmp_path):
    path = tmp_path / 'cut.mkv'
    write_video(path, 'libx264', 'yuv420p')
    path.write_bytes(path.read_bytes()[: int(0.8 * path.stat().st_size)])
    assert_equal_frames(path)


def test_a_pipeline_chooses_the_decoder(torchcodec, tmp_path):
    path = tmp_path / 'video.mp4'
    write_video(path, 'libx264', 'yuv420p')
    opened = TRANSFORMS.build(dict(type='ga2mm.OpenVideo', decoder='torchcodec'))(dict(filename=str(path)))
    assert isinstance(opened['video_reader'], TorchcodecFile)
    images = DecodeFrames()(opened | dict(frame_inds=np.array([5, 39])))['imgs']
    np.testing.assert_array_equal(images, VideoFile(str(path)).frames([5, 39]))


def test_without_torchcodec_one_line_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchcodec', None)
    with pytest.raises(ValueError, match='torchcodec is not installed: pip install torchcodec, or leave'):
        OpenVideo(decoder='torchcodec')


def test_an_unknown_decoder():
    with pytest.raises(ValueError, match="decoder='decord': choose one of pyav, torchcodec"):
        OpenVideo(decoder='decord')
