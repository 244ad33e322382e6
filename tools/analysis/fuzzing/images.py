"""Still images."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from fuzzing.damage import damage_bytes
from fuzzing.kind import Case, Kind
from fuzzing.videos import numbered_image

TAGS = (
    b'IHDR',
    b'IDAT',
    b'PLTE',
    b'\xff\xc0',
    b'\xff\xc4',
    b'\xff\xda',
    b'\xff\xe1',
    b'GIF89a',
    b'VP8',
    b'II*\0',
)
"""Byte strings that occur near sizes and counts in these formats."""


class Images(Kind):
    """Images of common formats, read like the image datasets do."""

    name = 'images'

    def prepare(self) -> None:
        image = Image.fromarray(numbered_image(5, 80, 60))
        exif = image.getexif()
        exif[274] = 6  # rotated by 90 degrees
        image.save(self.sound / 'turned.jpg', exif=exif)
        for mode, name in (('RGB', 'rgb'), ('L', 'gray'), ('P', 'palette'), ('CMYK', 'cmyk'), ('1', 'bits')):
            for suffix in ('.jpg', '.png', '.gif', '.bmp', '.webp', '.tif', '.ppm'):
                content = io.BytesIO()
                try:
                    image.convert(mode).save(content, Image.registered_extensions()[suffix])
                except (OSError, ValueError):  # the format does not support this mode
                    continue
                (self.sound / f'{name}{suffix}').write_bytes(content.getvalue())

    def damage(self, folder: Path, rng: random.Random) -> Case:
        sound = rng.choice(self.sound_files())
        data, what = sound.read_bytes(), 'sound'
        if rng.random() > 0.05:
            data, what = damage_bytes(data, rng, TAGS)
        path = folder / sound.name
        path.write_bytes(data)
        return Case(path, f'{sound.name}: {what}')

    def read(self, case: Case) -> Any:
        init_default_scope('ga2mm')
        pipeline = Compose(
            [
                dict(type='OpenImage'),
                dict(type='UniformSample', clip_len=1, test_mode=True),
                dict(type='DecodeFrames'),
            ]
        )
        return pipeline(dict(filename=str(case.path), label=0, start_index=0, modality='RGB'))['imgs']

    def judge(self, case: Case, found: list[np.ndarray]) -> str | None:
        shapes = [(image.dtype, image.ndim, image.shape[-1]) for image in found]
        return None if shapes == [(np.uint8, 3, 3)] else f'type, dimensions and channels are {shapes}'
