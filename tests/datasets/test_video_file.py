"""Frames of real files: every codec and container equals a decode from the beginning."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import TRANSFORMS
from PIL import Image

from ga2mm.apis.prediction_pipeline import prediction_steps
from ga2mm.datasets import DecodeFrames, OpenVideo, UnreadableVideoError, VideoFile, transforms
from tests.helpers import running

DATA = running.DATA / 'videos'
BITS = 8
KINDS = {
    'h264.mp4': dict(codec='libx264', gop=25),
    'one key frame.mp4': dict(codec='libx264', gop=250),
    'open groups.mp4': dict(codec='libx264', gop=20, options={'x264-params': 'open-gop=1'}),
    'h264.mkv': dict(codec='libx264', gop=25),
    'h264.mov': dict(codec='libx264', gop=25),
    'h264.avi': dict(codec='libx264', gop=50),
    'h264.ts': dict(codec='libx264', gop=25),
    'h264.flv': dict(codec='libx264', gop=25),
    'xvid.avi': dict(codec='mpeg4', gop=12, b_frames=0),
    'xvid with b frames.avi': dict(codec='mpeg4', gop=12),
    'mpeg.mpg': dict(codec='mpeg1video', gop=12, rate=25),
    'vp9.webm': dict(codec='libvpx-vp9', gop=30, options={'cpu-used': '8', 'deadline': 'realtime'}),
    # Frames that are never shown stand between the others.
    'vp8.webm': dict(codec='libvpx', gop=30, options={'auto-alt-ref': '1', 'lag-in-frames': '16'}),
}


def write_video(
    path: Path,
    codec: str,
    frames: int = 120,
    gop: int = 25,
    b_frames: int = 2,
    rate: int = 10,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> None:
    """A video of 128 x 64 pixels whose frames show their numbers, as :func:`number` reads them."""
    noise = np.random.default_rng(0).integers(60, 200, (8, 16, 3), dtype=np.uint8)
    background = noise.repeat(8, axis=0).repeat(8, axis=1)
    with av.open(str(path), 'w', options=container or {}) as file:
        stream = file.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 64, 'yuv420p', gop
        stream.codec_context.max_b_frames = b_frames
        for index in range(frames):
            image = np.roll(background, 3 * index, axis=1)
            for bit in range(BITS):
                image[:16, 16 * bit : 16 * (bit + 1)] = 255 * (index >> bit & 1)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        file.mux(stream.encode(None))


def number(image: np.ndarray) -> int:
    """The number that a frame shows."""
    blocks = image[4:12].reshape(8, BITS, 16, 3)[:, :, 4:12].mean(axis=(0, 2, 3))
    return sum(1 << bit for bit in range(BITS) if blocks[bit] > 128)


def decode_in_order(path: Path) -> list[np.ndarray]:
    """All frames that come before the first damaged one."""
    frames = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                if frame.is_corrupt:
                    break
                frames.append(frame.to_ndarray(format='rgb24'))
        except av.FFmpegError:
            pass
    return frames


def sample(path: Path, clip_len: int = 32) -> dict:
    """The output of a pipeline for a file."""
    results = dict(filename=str(path), start_index=0)
    for step in (
        OpenVideo(),
        TRANSFORMS.build(dict(type='UniformSample', clip_len=clip_len, test_mode=True)),
    ):
        results = step(results)
    return DecodeFrames()(results)


def assert_as_in_order(results: dict, path: Path) -> None:
    """The sampled frames equal a decode from the beginning, and no frame replaces another."""
    frames = decode_in_order(path)
    assert results['total_frames'] == len(frames)
    for index, image in zip(results['frame_inds'], results['imgs'], strict=True):
        np.testing.assert_array_equal(image, frames[index])
    assert len({image.tobytes() for image in results['imgs']}) == len(set(results['frame_inds'].tolist()))


@pytest.mark.parametrize('name', KINDS)
def test_sampled_frames_are_those_of_a_decode_from_the_beginning(name, tmp_path):
    path = tmp_path / name
    write_video(path, **KINDS[name])
    results = sample(path)
    assert_as_in_order(results, path)
    assert [number(image) for image in results['imgs']] == results['frame_inds'].tolist()
    assert 'mended' not in results

    video = VideoFile(str(path))
    anywhere = [119, 0, 7, 60, 7, 118, 61, 59]
    assert [number(image) for image in video.frames(anywhere)] == anywhere
    assert [number(image) for image in video.frames([3, 100])] == [3, 100]  # a second time


def test_damage_of_a_frame_that_is_neither_sampled_nor_referred_to_changes_nothing(tmp_path):
    path = tmp_path / 'video.mp4'
    write_video(path, **KINDS['h264.mp4'])
    intact = decode_in_order(path)
    with av.open(str(path)) as container:
        packets = sorted((p for p in container.demux(video=0) if p.size), key=lambda packet: packet.pts)
    contents = [bytes(packet) for packet in packets]
    # The two bits of a slice's header that are 0 if no frame refers to this one, after four bytes of length.
    index = next(i for i, content in enumerate(contents) if i > 80 and not content[4] & 0x60)
    path.write_bytes(path.read_bytes().replace(contents[index][6:], bytes(len(contents[index]) - 6)))
    assert len(decode_in_order(path)) < 120

    video = VideoFile(str(path))
    sampled = [5, index - 1, index + 1, 119]
    for frame, number_of in zip(video.frames(sampled), sampled, strict=True):
        np.testing.assert_array_equal(frame, intact[number_of])
    assert len(video) == 120
    assert video.frames([index]) is None and len(video) < 120


def test_threads_change_nothing(tmp_path):
    path = tmp_path / 'video.mp4'
    write_video(path, **KINDS['open groups.mp4'])
    indices = range(0, 120, 7)
    one, two = (VideoFile(str(path), num_threads=threads).frames(indices) for threads in (1, 2))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(
    'name', ['edit4.mp4', 'drop.mp4', 'ts.ts', 'theora.ogv', 'anim.gif', 'av1.mp4', 'video_with_cover.mp4']
)
def test_unusual_files_are_read(name):
    results = sample(DATA / name)
    assert_as_in_order(results, DATA / name)
    assert 'mended' not in results


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('0113_box_g_h264_fast.mp4', 'damaged, 75 of 7427281661 frames are left'),
        ('0250_box_part_0.mp4', 'damaged, 32 of 2130706720 frames are left'),
        ('0322_zeros_g_h264.mkv', 'damaged, 1 of 75 frames are left'),
        ('0737_trunc_g_xvid.avi', 'damaged, 1 of 75 frames are left'),
        ('0882_trunc_test.avi', 'damaged, 1 of 164 frames are left'),
    ],
)
def test_a_file_that_lost_most_of_its_frames_is_unreadable(name, reason):
    with pytest.raises(UnreadableVideoError) as caught:
        sample(DATA / name)
    assert str(caught.value) == f'{DATA / name}: {reason}'


def test_frames_that_cannot_be_decoded_are_not_sampled_and_their_loss_is_said():
    path = DATA / 'noise.avi'
    results = sample(path)
    assert_as_in_order(results, path)
    assert results['frame_inds'][-1] > 170  # the samples cover what is left
    assert results['mended'] == [f'{path}: damaged, 180 of 300 frames are left']


@pytest.mark.parametrize(('sampled', 'different'), [(150, 150), (179, 179), (250, 180)])
def test_of_the_frames_that_are_left_none_is_repeated_without_need(sampled, different):
    results = sample(DATA / 'noise.avi', sampled)
    indices = results['frame_inds']
    assert len(set(indices.tolist())) == different and (np.diff(indices) >= 0).all()
    assert indices[0] >= 0 and 175 < indices[-1] < results['total_frames'] == 180


def test_the_loss_in_a_file_that_claims_no_length_is_said(tmp_path):
    path = tmp_path / 'streamed.mkv'
    write_video(path, codec='mpeg4', b_frames=0, container={'live': '1'})
    with av.open(str(path)) as container:
        assert container.duration is None
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = path.read_bytes()
    at = content.index(packets[80])
    path.write_bytes(content.replace(packets[80], bytes(len(packets[80]))))
    assert content.count(packets[80]) == 1 and at > 0
    results = sample(path)
    assert_as_in_order(results, path)
    assert results['mended'] == [f'{path}: damaged, 80 of 120 frames are left']


def test_a_stream_that_begins_in_the_middle_changes_nothing(tmp_path):
    path, other = tmp_path / 'video.ts', tmp_path / 'other.ts'
    write_video(path, codec='mpeg2video', gop=15)
    write_video(
        other, codec='mpeg2video', container={'mpegts_start_pid': '600', 'mpegts_pmt_start_pid': '500'}
    )
    path.write_bytes(60 * path.read_bytes() + other.read_bytes())  # FFmpeg looks 5 MB ahead
    with av.open(str(path)) as container, pytest.raises(IndexError):
        list(container.demux())
    results = sample(path)
    assert results['total_frames'] == 60 * 120 and 'mended' not in results
    assert [number(image) for image in results['imgs']] == [i % 120 for i in results['frame_inds']]


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'avi'])
def test_of_a_cut_off_file_what_is_left_is_sampled(tmp_path, suffix):
    whole, cut = tmp_path / f'whole.{suffix}', tmp_path / f'cut.{suffix}'
    write_video(whole, codec='mpeg4', b_frames=0)
    if suffix == 'mp4':  # the index first, as in files for the web
        with (
            av.open(str(whole)) as source,
            av.open(str(cut), 'w', options={'movflags': 'faststart'}) as target,
        ):
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
        whole.write_bytes(cut.read_bytes())
    content = whole.read_bytes()
    cut.write_bytes(content[: int(0.8 * len(content))])
    results = sample(cut)
    left = results['total_frames']
    assert 80 < left < 114
    assert [number(image) for image in results['imgs']] == results['frame_inds'].tolist()
    (said,) = results['mended']
    assert said == f'{cut}: damaged, {left} of 120 frames are left'

    cut.write_bytes(content[: int(0.4 * len(content))])
    with pytest.raises(UnreadableVideoError, match='cut.*: damaged, [0-9]+ of 120 frames are left'):
        sample(cut)


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('list.m3u8', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n'),
        ('list.mp4', "ffconcat version 1.0\nfile '{other}'\n"),
        ('text.txt', 'no video\n' * 50),  # FFmpeg takes it for text art
    ],
)
def test_playlists_and_text_are_no_videos(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content.format(other=DATA / 'ts.ts'))
    with pytest.raises(UnreadableVideoError, match=f'{name}: not a video in a known container format'):
        VideoFile(str(path))


def test_a_picture_and_sound_are_no_videos(tmp_path):
    path = tmp_path / 'picture.mp4'
    Image.new('RGB', (64, 48)).save(path, format='png')
    with pytest.raises(UnreadableVideoError, match='picture.mp4: not a video in a known container format'):
        VideoFile(str(path))
    path = tmp_path / 'sound.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableVideoError, match='sound.mp4: the file has no video stream'):
        VideoFile(str(path))


def without_permission(path: Path) -> Callable[[], None]:
    """Remove the permission to read a file, from root too; return a function that restores it."""
    path.chmod(0)
    if os.geteuid() != 0:
        return lambda: None
    os.seteuid(65534)
    return lambda: os.seteuid(0)


def test_what_keeps_a_file_from_being_read_is_said(tmp_path):
    path = tmp_path / 'video.mp4'
    path.write_bytes(b'0')
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    restore = without_permission(path)
    try:
        with pytest.raises(UnreadableVideoError, match='video.mp4: permission denied'):
            VideoFile(str(path))
    finally:
        restore()
    (tmp_path / 'loop.mp4').symlink_to(tmp_path / 'loop.mp4')
    with pytest.raises(UnreadableVideoError, match='loop.mp4: too many levels of symbolic links'):
        VideoFile(str(tmp_path / 'loop.mp4'))
    with pytest.raises(UnreadableVideoError, match=': is a directory'):
        VideoFile(str(tmp_path))


def test_frames_are_kept_until_the_room_is_full(tmp_path, monkeypatch):
    paths = [tmp_path / f'{number}.avi' for number in range(3)]
    for path in paths:
        write_video(path, frames=10, **KINDS['xvid.avi'])
    monkeypatch.setattr(transforms, 'KEPT_BYTES', 2 * 10 * 128 * 64 * 3)
    open_video = OpenVideo(keep_frames=True)
    for path in paths:
        open_video(dict(filename=str(path)))
        path.unlink()
    for path in paths[:2]:
        results = DecodeFrames()(open_video(dict(filename=str(path))) | dict(frame_inds=np.array([9, 4])))
        assert [number(image) for image in results['imgs']] == [9, 4]
    with pytest.raises(UnreadableVideoError, match='2.avi: no such file'):
        open_video(dict(filename=str(paths[2])))


def test_kept_frames_of_a_damaged_file_are_those_that_are_left():
    results = dict(filename=str(DATA / 'noise.avi'), frame_inds=np.array([0, 179]))
    results = DecodeFrames()(OpenVideo(keep_frames=True)(results))
    frames = decode_in_order(DATA / 'noise.avi')
    assert (results['imgs'][1] == frames[179]).all()
    assert results['total_frames'] == 180
    assert results['mended'] == [f'{DATA}/noise.avi: damaged, 180 of 300 frames are left']


def test_prediction_keeps_no_frames():
    steps = [dict(type='OpenVideo', keep_frames=True), dict(type='DecodeFrames')]
    dataset = dict(type='RepeatDataset', times=2, dataset=dict(type='ActionVideoDataset', pipeline=steps))
    opened = prediction_steps(Config(dict(test_dataloader=dict(base=dict(dataset=dataset)))))[0]
    assert not TRANSFORMS.build(opened).keep_frames
    assert steps[0]['keep_frames']
