"""Batch sampler whose anchors move from one source to another during training."""

from typing import Any

from ga2mm.anchors.anchor_sampler import AnchorBatchSampler, _permutation
from ga2mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class AnchorCurriculumSampler(AnchorBatchSampler):
    """AnchorBatchSampler over two sources: at step s, round(M · s / steps) anchors are of the second one.

    For one process. The numbers of anchors of each source follow from the step alone.

    Args:
        steps: Steps until all anchors are of the second source.
        **kwargs: Arguments of :class:`AnchorBatchSampler`.
    """

    def __init__(self, *, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = steps

    def _anchors(self, step: int) -> list[int]:
        dataset = self.sampler.dataset
        (first, _), (second, _) = dataset.anchor_sources
        of_second = round(self.num_anchors * min(1.0, step / self.steps))
        places = range(step * self.num_anchors, (step + 1) * self.num_anchors)
        anchors = []
        for number, place in enumerate(places):
            start, size, source = (first, second, 1) if number < of_second else (0, first, 0)
            turn, position = divmod(place, size)
            order = _permutation((self.sampler.seed, turn, source), size)
            anchors.append(len(dataset) + start + int(order[position]))
        return anchors
