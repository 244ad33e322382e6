"""Anchors generated without extra videos: noise, one colour, and training clips without their subject."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from ga2mm.anchors.anchor_dataset import NO_LABEL
from ga2mm.datasets import black_video
from ga2mm.registry import DATASETS

GRID = 8
"""Frames are cut into GRID x GRID patches, or blurred to GRID x GRID pixels. Design choice."""

BLENDED_PATCHES = 4
"""Number of patches averaged into one blended patch. Design choice."""

MIXED_VIDEOS = 8
"""Number of videos averaged into one mixed video. Design choice."""


def noise(clip: Tensor) -> Tensor:
    """Draw a clip of the same shape whose values are independent and uniform from 0 to 255."""
    return torch.randint_like(clip, 256)


def blank(clip: Tensor) -> Tensor:
    """Draw a clip of the same shape in one uniformly random colour."""
    return torch.randint(256, (3, 1, 1, 1), dtype=clip.dtype).expand_as(clip).clone()


def shuffle_patches(clip: Tensor) -> Tensor:
    """Shuffle the patches of a clip, in the same order in all frames."""
    (height, cut_rows), (width, cut_columns) = (divmod(side, GRID) for side in clip.shape[-2:])
    if cut_rows or cut_columns:
        raise ValueError(
            f'frames of {clip.shape[-2]}x{clip.shape[-1]} pixels cannot be cut into {GRID}x{GRID} patches; '
            f'let the pipeline resize to multiples of {GRID}'
        )
    patches = clip.unflatten(-2, (GRID, height)).unflatten(-1, (GRID, width)).transpose(-3, -2)
    shuffled = patches.flatten(-4, -3)[..., torch.randperm(GRID * GRID), :, :]
    return shuffled.unflatten(-3, (GRID, GRID)).transpose(-3, -2).flatten(-2).flatten(-3, -2)


def blend_patches(clip: Tensor) -> Tensor:
    """Replace each patch of a clip by the mean of several of its patches."""
    return mean_clip(*(shuffle_patches(clip) for _ in range(BLENDED_PATCHES)))


def blur(clip: Tensor) -> Tensor:
    """Blur a clip: resize each frame to GRID x GRID pixels and back.

    Design choice: a Gaussian wide enough to hide the subject has the same effect at 30 times the cost.
    """
    return resize(resize(clip, [GRID, GRID], antialias=True), list(clip.shape[-2:]), antialias=True)


def mean_clip(*clips: Tensor) -> Tensor:
    """Give the rounded mean of clips of equal shape."""
    return torch.stack(clips).float().mean(dim=0).round().to(clips[0].dtype)


def paste_centre(clip: Tensor, other: Tensor) -> Tensor:
    """Replace the middle of a clip, half as high and wide, by that of another: another object in its scene."""
    pasted = clip.clone()
    height, width = clip.shape[-2:]
    centre = ..., slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)
    pasted[centre] = other[centre]
    return pasted


KINDS: dict[str, tuple[int, Callable[..., Tensor]]] = dict(
    noise=(0, noise),
    blank=(0, blank),
    shuffled_patches=(1, shuffle_patches),
    blended_patches=(1, blend_patches),
    blurred=(1, blur),
    mixed=(MIXED_VIDEOS, mean_clip),
    pasted_centre=(2, paste_centre),
)
"""For each kind, the number of source videos and the function that makes an anchor of their clips.

Clips are uint8, of shape (M, 3, T, H, W). A kind with 0 videos uses only the shape of a clip.
"""


@DATASETS.register_module()
class GeneratedAnchors(BaseDataset):
    """Anchors generated from the training clips or from their shape, one per training clip.

    ====================  =======================================================================
    ``noise``             random values
    ``blank``             one random colour
    ``shuffled_patches``  the patches of a clip in random order, the same in all frames
    ``blended_patches``   each patch is the mean of several patches of the clip
    ``blurred``           a clip without detail
    ``mixed``             the mean of several videos
    ``pasted_centre``     the middle of another clip on a clip: an object in another's scene
    ====================  =======================================================================

    An anchor, including its augmentation, depends only on the seed and its index: it is the same in each
    epoch and for any number of workers and processes. The training dataset replaces unreadable videos.

    Args:
        kind: One of the kinds above.
        dataset: The labelled training dataset or its config. ``noise`` and ``blank`` use only the number
            and shape of its clips.
        seed: Seed of all random numbers.
        lazy_init: Do not initialise the training dataset yet.

    Raises:
        ValueError: The kind is unknown, the dataset is a test set, or it has too few videos for ``mixed``.
    """

    def __init__(
        self, kind: str, dataset: dict | BaseDataset, seed: int = 0, lazy_init: bool = False
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f'generated anchors have kind={kind!r}; use one of {", ".join(KINDS)}')
        self.kind = kind
        self.num_videos, self.generate = KINDS[kind]
        self.dataset = DATASETS.build(dict(dataset, lazy_init=True)) if isinstance(dataset, dict) else dataset
        if self.dataset.test_mode:
            raise ValueError(
                f'{self.dataset.ann_file}: test_mode=True; anchors are generated from training videos only, '
                'use the training dataset'
            )
        self.seed = seed
        super().__init__(serialize_data=False, lazy_init=lazy_init)

    def load_data_list(self) -> list[dict]:
        self.dataset.full_init()
        if len(self.dataset) < self.num_videos:
            raise ValueError(
                f'{self.dataset.ann_file}: {len(self.dataset)} videos, but a {self.kind} anchor needs '
                f'{self.num_videos}; choose another kind'
            )
        return [dict(label=NO_LABEL)] * len(self.dataset)

    def prepare_data(self, idx: int) -> dict:
        with _random_numbers_of(self.seed, idx):
            if self.num_videos == 0:
                # The pipeline gives the shape; no video is read.
                info = self.dataset.get_data_info(idx) | dict(video_reader=black_video())
                items = [self.dataset.pipeline(info)]
            else:
                steps = [0, *random.sample(range(1, len(self)), self.num_videos - 1)]
                items = [self.dataset[(idx + step) % len(self)] for step in steps]
            item = items[0]
            samples = [one['data_samples'] for one in items]
            item['inputs'] = self.generate(*(one['inputs'] for one in items))
        item['data_samples'].set_metainfo(
            dict(
                filename=f'{self.kind} anchor {idx}',
                unreadable=tuple(name for sample in samples for name in sample.get('unreadable', ())),
                mended=tuple(name for sample in samples for name in sample.get('mended', ())),
                readable=True,
                is_anchor=True,
            )
        )
        return item


@contextmanager
def _random_numbers_of(seed: int, index: int) -> Iterator[None]:
    """Seed Python, NumPy and PyTorch by (seed, index) for one block, then restore their states."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    # Combine both numbers into one 32-bit seed, the size that NumPy accepts.
    seed = int(np.random.SeedSequence((seed, index)).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the GPU too
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
