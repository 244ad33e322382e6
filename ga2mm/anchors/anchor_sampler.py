"""Batch sampler of labelled clips and anchors at a fixed ratio."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count

import numpy as np
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import Sampler

from ga2mm.anchors.anchor_dataset import AnchorDataset
from ga2mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class AnchorBatchSampler(Sampler[list[int]]):
    """Batch sampler: N labelled clips followed by M anchors.

    The wrapped sampler gives the labelled clips. The anchors form one endless stream of permutations of
    all anchors, fixed by the sampler's seed: no anchor repeats before all were used. With
    :class:`WeightedAnchors` each source has its own stream, and every round of sum(weights) anchors
    has the weight's number of anchors of each source, in random order.

    Step s of W processes takes the next W * M anchors, and rank r takes every W-th of them from the r-th
    on, as MMEngine's samplers distribute the labelled clips. So the b-th batches of W processes with N + M
    clips together equal the b-th batch of one process with W * N + W * M clips, if these batches are full.

    Design choice: with an epoch-based sampler, each epoch continues the stream of the previous epoch; the
    position depends only on the epoch's number. So training resumed at the start of an epoch sees the same
    batches, and all anchors are used even if an epoch is shorter than their list. With InfiniteSampler the
    stream runs on.

    Design choice: the last batch of an epoch may have fewer labelled clips, but always M anchors.

    ::

        train_dataloader = dict(
            batch_size=N,
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(type='AnchorBatchSampler', num_anchors=M),
            dataset=dict(type='AnchorDataset', dataset=..., anchors=...))

    Args:
        sampler: MMEngine's DefaultSampler or InfiniteSampler over an :class:`AnchorDataset`.
        batch_size: N, labelled clips per batch and process.
        num_anchors: M, anchors per batch and process; 0 gives plain batches of any dataset.

    Raises:
        ValueError: A number is out of range, or with anchors, the sampler's dataset is not an AnchorDataset
            or has none.
    """

    def __init__(self, sampler: DefaultSampler | InfiniteSampler, batch_size: int, num_anchors: int) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}; give at least 1 labelled clip per batch')
        if num_anchors < 0:
            raise ValueError(f'num_anchors={num_anchors}; give 0 or more anchors per batch')
        if num_anchors > 0:
            if not isinstance(sampler.dataset, AnchorDataset):
                raise ValueError(
                    f'num_anchors={num_anchors}, but the dataset is a '
                    f"{type(sampler.dataset).__name__}; use dataset=dict(type='AnchorDataset', "
                    'dataset=..., anchors=...) without num_batch_per_epoch'
                )
            if any(size == 0 for size, _ in sampler.dataset.anchor_sources):
                raise ValueError(
                    f'num_anchors={num_anchors}, but the AnchorDataset has no anchors; set '
                    'dataset.anchors=dict(type=...), and list some videos in its ann_file'
                )
        self.sampler = sampler
        self.batch_size = batch_size
        self.num_anchors = num_anchors

    def __len__(self) -> int:
        """Give the number of batches per process in an epoch."""
        return -(-len(self.sampler) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        steps = count(self._first_step())
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch + self._anchors(next(steps))
                batch = []
        if batch:
            yield batch + self._anchors(next(steps))

    def _first_step(self) -> int:
        """Give the number of the epoch's first batch, counted from the start of training."""
        # Counted over all processes, so that it does not depend on their number.
        steps = -(-len(self.sampler.dataset) // (self.batch_size * self.sampler.world_size))
        # InfiniteSampler has no epochs.
        return getattr(self.sampler, 'epoch', 0) * max(1, steps)

    def _anchors(self, step: int) -> list[int]:
        """Give the AnchorDataset indices of this rank's anchors in a step."""
        if self.num_anchors == 0:
            return []
        dataset, world_size = self.sampler.dataset, self.sampler.world_size
        first = step * self.num_anchors * world_size + self.sampler.rank
        positions = range(first, first + self.num_anchors * world_size, world_size)
        sources = dataset.anchor_sources
        return [len(dataset) + _anchor_at(position, self.sampler.seed, sources) for position in positions]


def _anchor_at(position: int, seed: int, sources: Sequence[tuple[int, int]]) -> int:
    """Give the anchor at a position of the endless stream over sources of (size, weight)."""
    weights = [weight for _, weight in sources]
    number, place = divmod(position, sum(weights))
    places = _permutation((seed, number, len(sources)), sum(weights))
    source_at = np.repeat(np.arange(len(sources)), weights)[places]
    source = int(source_at[place])
    drawn = number * weights[source] + int((source_at[:place] == source).sum())
    size = sources[source][0]
    number, place = divmod(drawn, size)
    first = sum(size for size, _ in sources[:source])
    return first + int(_permutation((seed, number, source), size)[place])


@lru_cache(maxsize=8)
def _permutation(seed: tuple[int, ...], size: int) -> np.ndarray:
    """Draw a permutation of 0 to ``size`` - 1 that depends only on the seed."""
    return np.random.default_rng(seed).permutation(size)
