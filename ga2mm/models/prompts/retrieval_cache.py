"""Text features of prompts that depend on the clip, computed once for clips that share them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor


class RetrievalCache:
    """Text features of the prompts that were used last.

    For evaluation. It keeps up to ``max_entries · C · embed_dim`` numbers, C the number of classes, and those
    of the batch's own clips while it is computed. Whoever owns it clears it when anything changes that the
    features depend on beside the identifier: learnt values, precision, device.

    Args:
        max_entries: Number of different identifiers whose features are kept between batches, 0 or more.
    """

    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        self._features: OrderedDict[Hashable, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._features)

    @torch.no_grad()
    def features(self, identifiers: Sequence[Hashable], encode: Callable[[list[int]], Tensor]) -> Tensor:
        """Text features (B, C, embed_dim) of a batch of clips, without gradient.

        Args:
            identifiers: One for each clip, equal only where the text features are; for instance the classes
                with those of :class:`~ga2mm.models.prompts.attribute_retrieval.Retrieval`.
            encode: Gives the text features (N, C, embed_dim) of the clips at N places in the batch. It is
                called at most once, with one place for each identifier that is not kept.
        """
        missing: dict[Hashable, int] = {}
        for place, identifier in enumerate(identifiers):
            if identifier in self._features:
                self._features.move_to_end(identifier)
            else:
                missing.setdefault(identifier, place)
        if missing:
            # Copies, since a part of a tensor would keep all of it in memory.
            new = [features.clone() for features in encode(list(missing.values()))]
            self._features.update(zip(missing, new, strict=True))
        batch = torch.stack([self._features[identifier] for identifier in identifiers])
        while len(self._features) > self.max_entries:
            self._features.popitem(last=False)
        return batch

    def clear(self) -> None:
        """Forget all features."""
        self._features.clear()
