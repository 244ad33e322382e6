"""Dataset that joins labelled clips and irrelevant videos."""

from typing import Any

from mmengine.dataset import BaseDataset

from ga2mm.anchors.weighted_anchors import WeightedAnchors
from ga2mm.registry import DATASETS
from ga2mm.structures import set_gt_label

NO_LABEL = -1
"""Label of an anchor, which belongs to no class."""


@DATASETS.register_module()
class AnchorDataset:
    """Labelled clips followed by anchors (irrelevant videos), if any.

    Every config uses it as training dataset, so that a config adds anchors by two keys: ``dataset.anchors``
    and ``batch_sampler``. Without anchors it gives the items of the labelled dataset.

    The length is the number of labelled clips, so that an epoch is one pass over them. An index i at or
    above the length addresses anchor i - length; :class:`AnchorBatchSampler` draws these indices.

    The metainfo of each data sample has ``is_anchor``. The label of an anchor is always -1.

    Args:
        dataset: The labelled training dataset or its config.
        anchors: The dataset of irrelevant videos or its config: any dataset of MMAction2, or
            :class:`WeightedAnchors` for several sources. None for training without anchors.
    """

    def __init__(self, dataset: dict | BaseDataset, anchors: dict | BaseDataset | None = None) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.anchors = DATASETS.build(anchors) if isinstance(anchors, dict) else anchors

    @property
    def metainfo(self) -> dict:
        """Give the metainfo of the labelled dataset."""
        return self.dataset.metainfo

    @property
    def pipeline(self) -> Any:
        """Give or set the pipeline of the labelled dataset, as MMAction2's ``browse_dataset.py`` does."""
        return self.dataset.pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        self.dataset.pipeline = pipeline

    @property
    def num_anchors(self) -> int:
        """Give the number of irrelevant videos."""
        return 0 if self.anchors is None else len(self.anchors)

    @property
    def anchor_sources(self) -> list[tuple[int, int]]:
        """Give (number of videos, weight) of each anchor source, in the order of their indices."""
        if isinstance(self.anchors, WeightedAnchors):
            return self.anchors.sizes_and_weights
        return [(self.num_anchors, 1)]

    def full_init(self) -> None:
        """Read the annotation files of both datasets, unless already done."""
        self.dataset.full_init()
        if self.anchors is not None:
            self.anchors.full_init()

    def get_data_info(self, idx: int) -> dict:
        """Give the annotation of the clip or anchor at ``idx``."""
        is_anchor, idx = self._locate(idx)
        return (self.anchors if is_anchor else self.dataset).get_data_info(idx)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, idx: int) -> dict[str, Any]:
        is_anchor, idx = self._locate(idx)
        item = (self.anchors if is_anchor else self.dataset)[idx]
        item['data_samples'].set_metainfo(dict(is_anchor=is_anchor))
        if is_anchor:
            set_gt_label(item['data_samples'], NO_LABEL)
        return item

    def _locate(self, idx: int) -> tuple[bool, int]:
        """Tell whether ``idx`` is an anchor, and give the index in its own dataset."""
        if not 0 <= idx < len(self) + self.num_anchors:
            raise IndexError(
                f'index {idx} of {len(self)} labelled clips and {self.num_anchors} anchors is out of range'
            )
        is_anchor = idx >= len(self)
        return is_anchor, idx - len(self) if is_anchor else idx
