"""The usual partition of image datasets into base and novel classes."""


def labels_of_split(num_classes: int, split: str) -> range:
    """Labels of the classes of a split: the first half, rounded up, is base, the rest is novel.

    Source: the base-to-new protocol of CoCoOp (arXiv 2203.05557).

    Args:
        num_classes: Number of all classes.
        split: ``'base'``, ``'novel'`` or ``'all'``; no label for anything else.
    """
    half = (num_classes + 1) // 2
    ranges = dict(base=range(half), novel=range(half, num_classes), all=range(num_classes))
    return ranges.get(split, range(0))
