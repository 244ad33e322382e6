"""Text features of prompts that depend on the clip, computed once for clips that share them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor


class RetrievalCache:
    """Text features of the prompts that were used last.

    For evaluation. It keeps up to ``max_entries · C · embed_dim`` numbers, C the number of classes, and those
    of the batch's own clips while it is computed. Whoever owns it clears it when anything changes that the
    features depend on beside the identifier: learnt values, classes, precision, device.

    Args:
        max_entries: Number of different identifiers whose features are kept; 0 to keep none.

    Raises:
        ValueError: ``max_entries`` is negative.
    """

    def __init__(self, max_entries: int) -> None:
        if max_entries < 0:
            raise ValueError(f'max_entries={max_entries}: give 0 or more')
        self.max_entries = max_entries
        self._features: OrderedDict[Hashable, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._features)

    @torch.no_grad()
    def features(self, identifiers: Sequence[Hashable], encode: Callable[[int], Tensor]) -> Tensor:
        """Text features (B, C, embed_dim) of a batch of clips, without gradient.

        Args:
            identifiers: One for each clip, equal only where the text features are; for instance those of
                :class:`~ga2mm.models.prompts.attribute_retrieval.Retrieval`.
            encode: Gives the text features (C, embed_dim) of the clip at a place in the batch. It is called
                once for each identifier that is not kept.
        """
        batch = {}
        for place, identifier in enumerate(identifiers):
            if identifier not in batch:
                kept = self._features.pop(identifier, None)
                batch[identifier] = encode(place) if kept is None else kept
        self._features.update(batch)
        while len(self._features) > self.max_entries:
            self._features.popitem(last=False)
        return torch.stack([batch[identifier] for identifier in identifiers])

    def clear(self) -> None:
        """Forget all features."""
        self._features.clear()
