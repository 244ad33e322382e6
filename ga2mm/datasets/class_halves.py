"""Usual partition of image datasets into base and novel classes."""


def labels_of_split(num_classes: int, split: str) -> range:
    """Give the labels of a split: the first half, rounded up, is base and the rest is novel.

    Source: the base-to-new protocol of CoCoOp (arXiv 2203.05557).

    Args:
        num_classes: Total number of classes.
        split: ``'base'``, ``'novel'`` or ``'all'``; any other value gives an empty range.
    """
    half = (num_classes + 1) // 2
    ranges = dict(base=range(half), novel=range(half, num_classes), all=range(num_classes))
    return ranges.get(split, range(0))
