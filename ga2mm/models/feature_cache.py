"""Text features that were computed last."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor


class FeatureCache:
    """Text features by a key, the ones used last.

    For evaluation. It keeps up to ``max_entries · C · embed_dim`` numbers, C the number of names, and the
    features of the current batch while they are computed. Its owner clears it when anything changes that the
    features depend on but the key does not tell.

    Args:
        max_entries: Number of different keys whose features are kept, 0 or more.
    """

    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        self._features: OrderedDict[Hashable, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._features)

    @torch.no_grad()
    def get(self, keys: Sequence[Hashable], encode: Callable[[list[int]], Tensor]) -> list[Tensor]:
        """Give the features (C, embed_dim) of each key, without gradient.

        Args:
            keys: Keys, equal only where the features are equal.
            encode: Gives the features (N, C, embed_dim) of the keys at N places. It is called at most once,
                with one place for each key whose features are not kept.
        """
        missing: dict[Hashable, int] = {}
        for place, key in enumerate(keys):
            if key in self._features:
                self._features.move_to_end(key)
            else:
                missing.setdefault(key, place)
        if missing:
            # Copies, since a part of a tensor would keep all of it in memory.
            new = [features.clone() for features in encode(list(missing.values()))]
            self._features.update(zip(missing, new, strict=True))
        batch = [self._features[key] for key in keys]
        while len(self._features) > self.max_entries:
            self._features.popitem(last=False)
        return batch

    def clear(self) -> None:
        """Forget all features."""
        self._features.clear()
