"""Dataset of anchors from several weighted sources."""

from collections.abc import Sequence

from mmengine.dataset import BaseDataset, ConcatDataset

from ga2mm.registry import DATASETS


@DATASETS.register_module()
class WeightedAnchors(ConcatDataset):
    """Concatenation of several sources of anchors.

    :class:`AnchorBatchSampler` draws them by weight: with weights [3, 1], three of every four anchors come
    from the first source, however many videos each source has. Each source has its own random order, in
    which no video repeats before all were used.

    Args:
        sources: The datasets of irrelevant videos or their configs.
        weights: Number of anchors of each source in a round of sum(weights) anchors.
        lazy_init: Do not initialise the sources yet.

    Raises:
        ValueError: The weights are not one positive integer per source, or a source itself has several
            sources.
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
        # Metainfo is ignored because the classes of the sources may differ; anchors have no class.
        metainfo = [key for dataset in datasets for key in dataset.metainfo]
        super().__init__(datasets, lazy_init, ignore_keys=metainfo)

    @property
    def sizes_and_weights(self) -> list[tuple[int, int]]:
        """Give (number of videos, weight) of each source."""
        return [(len(dataset), weight) for dataset, weight in zip(self.datasets, self.weights, strict=True)]
