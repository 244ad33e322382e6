"""A cache of text features."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor


class FeatureCache:
    """A cache of the most recently used text features, for evaluation.

    The cache keeps up to ``max_entries · C · embed_dim`` numbers for C names, and the features of the current
    batch while they are computed. The owner must clear it if something changes that the features depend on
    and that the key does not contain.

    Args:
        max_entries: Maximum number of keys, 0 or more.
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
            encode: Gives the features (N, C, embed_dim) of the keys at N indices. It is called at most once,
                with one index for each key that is not in the cache.
        """
        missing: dict[Hashable, int] = {}
        for place, key in enumerate(keys):
            if key in self._features:
                self._features.move_to_end(key)
            else:
                missing.setdefault(key, place)
        if missing:
            # Copies, since a view would keep the whole tensor in memory.
            new = [features.clone() for features in encode(list(missing.values()))]
            self._features.update(zip(missing, new, strict=True))
        batch = [self._features[key] for key in keys]
        while len(self._features) > self.max_entries:
            self._features.popitem(last=False)
        return batch

    def clear(self) -> None:
        """Remove all features."""
        self._features.clear()
