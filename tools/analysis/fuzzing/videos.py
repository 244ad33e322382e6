"""Videos of many formats, and a comparison of sampled frames with a sequential decode."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from mmaction.datasets.transforms import UniformSample
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from fuzzing.damage import damage_bytes
from fuzzing.kind import Case, Kind

CLIP_LENGTH = 32
"""Number of frames sampled from each video."""

SAMPLE = UniformSample(CLIP_LENGTH, test_mode=True)
"""Sampler of the frames."""

MOST_FRAMES = 700
"""Maximum number of frames to compare; intact videos have fewer."""

TOLERANCE = 8.0
"""Maximum mean absolute difference, in 0 to 255, of two RGB conversions of the same frame. Frames with
different numbers differ by 13 or more."""

LEFT = 0.9
"""Share of the frames of a sequential decode below which the loss must be reported."""

ROWS, COLUMNS = 3, 4
"""Blocks of a frame, each of which shows a binary digit of its number."""

DARK, BRIGHT = 48, 208
"""Pixel values of the digits, in 0 to 255."""

TAGS = (
    # MP4 and MOV
    *(b'ftyp', b'moov', b'mvhd', b'trak', b'tkhd', b'edts', b'elst', b'mdia', b'mdhd', b'hdlr', b'stbl'),
    *(
        b'stsd',
        b'avc1',
        b'avcC',
        b'stts',
        b'ctts',
        b'stss',
        b'stsc',
        b'stsz',
        b'stco',
        b'moof',
        b'trun',
        b'mdat',
    ),
    # AVI
    *(b'RIFF', b'avih', b'strh', b'strf', b'movi', b'00dc', b'idx1', b'LIST'),
    # Matroska: segment, information, tracks, entry, video, cluster, cues, block, size of a frame
    *(b'\x18\x53\x80\x67', b'\x15\x49\xa9\x66', b'\x16\x54\xae\x6b', b'\xae', b'\xe0', b'\x1f\x43\xb6\x75'),
    *(b'\x1c\x53\xbb\x6b', b'\xa3', b'\xb0'),
    # H.264 sets of parameters and slices, MPEG-2 and MPEG-4 headers, an MPEG transport packet, GIF blocks
    *(b'\x00\x00\x01', b'\x67\x64', b'\x47\x41\x00', b'GIF89a', b'\x21\xf9', b'\x2c\x00'),
)
"""Byte strings that occur near sizes, counts and times in these formats."""


@dataclass(frozen=True)
class Recipe:
    """Parameters of an intact video.

    Args:
        name: File name.
        codec: FFmpeg's name of the encoder.
        frames: Number of frames.
        size: Width and height in pixels.
        gop: Frames from one key frame to the next.
        options: Options of the encoder.
        container: Options of the container.
        pixels: Pixel format.
        variable: Whether the frame rate is variable.
        rotation: Rotation for players, in degrees.
        cover: Whether the second stream is a cover picture.
        cut: Number of frames at the start that an edit list hides.
    """

    name: str
    codec: str = 'libx264'
    frames: int = 120
    size: tuple[int, int] = (96, 72)
    gop: int = 50
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    pixels: str = 'yuv420p'
    variable: bool = False
    rotation: int = 0
    cover: bool = False
    cut: int = 0


_NO_B = {'bf': '0'}
_FAST_VP = {'deadline': 'realtime', 'cpu-used': '8'}
RECIPES = (
    Recipe('gop10.mp4', gop=10),
    Recipe('gop50.mp4', container={'movflags': 'faststart'}),
    Recipe('gop250.mp4', gop=250, frames=260),
    Recipe('no_b_frames.mp4', options=_NO_B),
    Recipe('open_gop.mp4', gop=25, options={'x264-params': 'open-gop=1'}),
    Recipe('fragmented.mp4', gop=30, container={'movflags': 'frag_keyframe+empty_moov'}),
    Recipe('cut.mp4', cut=37, frames=150),
    Recipe('variable.mp4', variable=True),
    Recipe('rotated.mp4', rotation=90, size=(112, 64)),
    Recipe('cover.mp4', cover=True),
    Recipe('one_frame.mp4', frames=1),
    Recipe('few_frames.mp4', frames=5),
    Recipe('odd_size.mp4', size=(107, 73), pixels='yuv444p'),
    Recipe('h264.mov', gop=25),
    Recipe('h264.mkv'),
    Recipe('h264.avi'),
    Recipe('h264_no_b_frames.avi', options=_NO_B),
    Recipe('h264.ts', gop=25),
    Recipe('h264.flv', options=_NO_B),
    Recipe('hevc.mp4', codec='libx265', frames=60, options={'x265-params': 'log-level=none:pools=none'}),
    Recipe('mpeg4.mp4', codec='mpeg4', options={'bf': '2'}),
    Recipe('mpeg4.avi', codec='mpeg4', gop=12),
    Recipe('xvid.avi', codec='mpeg4', gop=250, options={'bf': '2'}),
    Recipe('msmpeg4.avi', codec='msmpeg4v2', gop=25),
    Recipe('mjpeg.avi', codec='mjpeg', frames=40, pixels='yuvj420p'),
    Recipe('mpeg2.ts', codec='mpeg2video', gop=15),
    Recipe('mpeg2.mpg', codec='mpeg2video', gop=15, options={'bf': '2'}),
    Recipe('ffv1.mkv', codec='ffv1', frames=8, size=(32, 32)),
    Recipe('vp8.webm', codec='libvpx', frames=60, options=_FAST_VP),
    Recipe('vp9.webm', codec='libvpx-vp9', frames=60, options=_FAST_VP),
    Recipe('av1.mp4', codec='libsvtav1', frames=30, options={'preset': '12'}),
    Recipe('moving.gif', codec='gif', frames=40, pixels='rgb8', size=(75, 53)),
)


class Videos(Kind):
    """Videos, read by the common transforms of all configs, as in a test."""

    name = 'videos'

    def prepare(self) -> None:
        for recipe in RECIPES:
            path = self.sound / recipe.name
            write_video(path, recipe)
            numbers = [read_number(as_image(frame)) for frame, _ in decode_all(path)]
            if numbers != list(range(recipe.cut, recipe.frames)):
                raise RuntimeError(f'{recipe.name}: a sequential decode shows the frames {numbers}')

    def damage(self, folder: Path, rng: random.Random) -> Case:
        sound = rng.choice(self.sound_files())
        data, name = sound.read_bytes(), sound.name
        way = rng.random()
        if way < 0.03:
            what = 'sound'
        elif way < 0.04:
            data, what = b'', 'empty'
        elif way < 0.05:
            data, what = b'this is no video\n' * rng.randrange(1, 1000), 'text'
        elif way < 0.08:
            name = f'{sound.stem}{rng.choice(self.sound_files()).suffix}'
            what = f'called {name}'
        elif way < 0.12:
            other = rng.choice(self.sound_files())
            data, what = data + other.read_bytes(), f'{other.name} put behind it'
        else:
            data, what = damage_bytes(data, rng, TAGS)
        path = folder / name
        path.write_bytes(data)
        return Case(path, f'{sound.name}: {what}')

    def read(self, case: Case) -> dict[str, Any]:
        init_default_scope('ga2mm')
        pipeline = Compose([dict(type='OpenVideo'), SAMPLE, dict(type='DecodeFrames')])
        return pipeline(dict(filename=str(case.path), label=0, start_index=0, modality='RGB'))

    def judge(self, case: Case, found: dict[str, Any]) -> str | None:
        indices = np.ravel(found['frame_inds']).tolist()
        images = found['imgs']
        if len(images) != CLIP_LENGTH or len(indices) != CLIP_LENGTH:
            return f'{len(images)} frames with {len(indices)} numbers in place of {CLIP_LENGTH}'
        kept = list(decode_all(case.path))
        intact, total = sum(intact for _, intact in kept), found['total_frames']
        if total < LEFT * intact and not found.get('mended'):
            return f'{total} of {intact} frames are left, without a warning'
        readable = min(total, intact)
        drawn = SAMPLE(dict(total_frames=readable, start_index=0))['frame_inds'] if readable else []
        if len(set(indices)) < len(set(drawn)):
            return f'{len(set(indices))} different frames sampled of {readable}, {len(set(drawn))} could be'
        if len(kept) <= max(indices) and len(kept) < MOST_FRAMES:
            return f'frame {max(indices)} sampled, but a sequential decode gives {len(kept)}'
        same_size = len({(frame.width, frame.height) for frame, _ in kept}) == 1
        size = None if same_size else images[0].shape[:2]
        # Missing parts of a damaged frame show the previous content of the decoder's memory, which depends on
        # whether frames are kept. The correct content of such a frame is unknown.
        at_once = [
            as_image(frame, size) if index in indices else None
            for index, (frame, _) in enumerate(decode_all(case.path))
        ]
        for place, (index, image) in enumerate(zip(indices, images, strict=True)):
            if index >= len(kept):
                continue
            right = as_image(kept[index][0], size)
            wrong = compare(image, right)
            if wrong and not compare(at_once[index], right):
                return f'sampled frame {place} should be frame {index}: {wrong}'
        return None


def compare(image: np.ndarray, right: np.ndarray) -> str | None:
    """Describe the difference of an image from the correct one; None if there is none."""
    if image.dtype != np.uint8 or image.shape != right.shape:
        return f'it is {image.dtype} of shape {image.shape}, right is uint8 of shape {right.shape}'
    difference = np.abs(image.astype(np.int16) - right).mean()
    if difference <= TOLERANCE:
        return None
    return (
        f'its mean difference is {difference:.1f}, it shows the number {read_number(image)}, right is '
        f'{read_number(right)}'
    )


def as_image(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> np.ndarray:
    """Convert a frame to RGB, uint8 of shape (height, width, 3), resized if a size is given."""
    height, width = size or (frame.height, frame.width)
    return frame.reformat(width, height, format='rgb24').to_ndarray()


def decode_all(path: Path) -> Iterator[tuple[av.VideoFrame, bool]]:
    """Decode a video sequentially, at most :data:`MOST_FRAMES` frames.

    Packets that cannot be decoded are skipped.

    Yields:
        Each frame, and whether it precedes the first skipped packet.
    """
    intact, number = True, 0
    with av.open(str(path), metadata_errors='ignore') as container:
        stream = container.streams.best('video')
        stream.codec_context.thread_count = 1
        for packet in _packets(container, stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                intact = False
                continue
            for frame in frames:
                yield frame, intact
                number += 1
                if number == MOST_FRAMES:
                    return


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    """Yield packets up to the first unreadable one."""
    packets = container.demux(stream)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError, IndexError):  # IndexError: a stream begins in the middle
            return


def write_video(path: Path, recipe: Recipe) -> None:
    """Write an intact video whose frames show their numbers."""
    whole = path.with_name(f'whole_{path.name}') if recipe.cut else path
    with av.open(str(whole), 'w', options=recipe.container) as container:
        stream = container.add_stream(recipe.codec, rate=25, options=recipe.options)
        stream.width, stream.height = recipe.size
        stream.pix_fmt = recipe.pixels
        stream.codec_context.gop_size = recipe.gop
        stream.codec_context.thread_count = 1
        if recipe.rotation:
            stream.set_display_rotation(recipe.rotation)
        if recipe.cover:
            cover = container.add_stream('mjpeg', rate=1)
            cover.width, cover.height, cover.pix_fmt = 40, 40, 'yuvj420p'
            cover.disposition = av.stream.Disposition.attached_pic
            container.mux(cover.encode(av.VideoFrame.from_ndarray(numbered_image(0, 40, 40), format='rgb24')))
        time = 0
        for number in range(recipe.frames):
            frame = av.VideoFrame.from_ndarray(numbered_image(number, *recipe.size), format='rgb24')
            frame.pts, frame.time_base = time, Fraction(1, 25)
            time += 1 + (number * 7 % 5 if recipe.variable else 0)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if recipe.cut:
        _cut(whole, path, recipe.cut)
        whole.unlink()


def _cut(whole: Path, path: Path, hidden: int) -> None:
    """Hide the first frames by an edit list, without encoding again."""
    options = {'use_editlist': '1', 'avoid_negative_ts': 'disabled'}
    with av.open(str(whole)) as source, av.open(str(path), 'w', options=options) as container:
        stream = source.streams.video[0]
        target = container.add_stream_from_template(stream)
        start = round(hidden / stream.average_rate / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, target
                container.mux(packet)


def numbered_image(number: int, width: int, height: int) -> np.ndarray:
    """Draw an RGB image with a block for each binary digit of a number, on a fixed texture."""
    digits = [(number >> digit) & 1 for digit in range(ROWS * COLUMNS)]
    blocks = np.where(np.reshape(digits, (ROWS, COLUMNS)), BRIGHT, DARK)
    rows, columns = np.arange(height) * ROWS // height, np.arange(width) * COLUMNS // width
    texture = np.random.default_rng(0).integers(-12, 13, (height, width, 1))
    return (blocks[rows][:, columns, None] + texture).repeat(3, axis=2).astype(np.uint8)


def read_number(image: np.ndarray) -> int:
    """Read the number that an image shows; the result is arbitrary if the image is too damaged."""
    height, width = image.shape[:2]
    number = 0
    for digit in range(ROWS * COLUMNS):
        row, column = divmod(digit, COLUMNS)
        block = image[
            row * height // ROWS : (row + 1) * height // ROWS,
            column * width // COLUMNS : (column + 1) * width // COLUMNS,
        ]
        number |= int(block.size > 0 and block.mean() > (DARK + BRIGHT) / 2) << digit
    return number
