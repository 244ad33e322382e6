"""Comparison of the class names of two datasets by their spelling."""

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

SIMILARITY = 0.85
"""Lowest similarity (``difflib``'s ratio) at which class names may mean the same action. Design choice."""


def normalise_class_name(name: str) -> str:
    """Remove case, spaces and punctuation from a class name: ``PlayingGuitar`` equals ``playing_guitar``.

    Letters with their marks, digits and symbols are kept, in Unicode's form NFKC.
    """
    letters = unicodedata.normalize('NFKC', name).casefold()
    return ''.join(letter for letter in letters if unicodedata.category(letter)[0] in 'LMNS')


def similar_classes(names: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """Give all pairs of names that are equal or similar after normalisation.

    Yields:
        (name, other, similarity); the similarity is ``difflib``'s ratio, from ``SIMILARITY`` to 1 (equal).
    """
    matcher = SequenceMatcher(autojunk=False)
    normalised = [normalise_class_name(other) for other in others]
    for name in names:
        matcher.set_seq2(normalise_class_name(name))
        for other, letters in zip(others, normalised, strict=True):
            matcher.set_seq1(letters)
            # The quick ratios are upper bounds.
            if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= SIMILARITY:
                ratio = matcher.ratio()
                if ratio >= SIMILARITY:
                    yield name, other, ratio
