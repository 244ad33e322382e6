"""Anchors from several sources, each with its share."""

from collections.abc import Sequence

from mmengine.dataset import BaseDataset, ConcatDataset

from ga2mm.registry import DATASETS


@DATASETS.register_module()
class WeightedAnchors(ConcatDataset):
    """Several sources of anchors, one behind the other.

    :class:`AnchorBatchSampler` draws them by weight: with weights [3, 1] three of every four anchors come
    from the first source, however many videos each source has. Each source has its own order, in which
    none of its videos is used twice before all were used once.

    Args:
        sources: The datasets of irrelevant videos, or their configs.
        weights: For each source the number of anchors in a round of sum(weights) anchors.
        lazy_init: Do not initialise the sources yet.

    Raises:
        ValueError: There is not one whole number above 0 for each source, or a source is itself made of
            several.
    """

    def __init__(
        self, sources: Sequence[dict | BaseDataset], weights: Sequence[int], lazy_init: bool = False
    ) -> None:
        if len(weights) != len(sources) or not all(isinstance(one, int) and one > 0 for one in weights):
            raise ValueError(
                f'weights={list(weights)} for {len(sources)} sources; give a whole number above 0 for each, '
                'such as weights=[3, 1]'
            )
        datasets = [
            DATASETS.build(dict(source, lazy_init=True)) if isinstance(source, dict) else source
            for source in sources
        ]
        for place, dataset in enumerate(datasets):
            if not isinstance(dataset, BaseDataset):
                raise ValueError(
                    f'sources[{place}] is a {type(dataset).__name__}; put all sources into one list'
                )
        self.weights = list(weights)
        # The classes of the sources may differ: anchors have none.
        metainfo = [key for dataset in datasets for key in dataset.metainfo]
        super().__init__(datasets, lazy_init, ignore_keys=metainfo)

    @property
    def sizes_and_weights(self) -> list[tuple[int, int]]:
        """(number of videos, weight) of each source."""
        return [(len(dataset), weight) for dataset, weight in zip(self.datasets, self.weights, strict=True)]
