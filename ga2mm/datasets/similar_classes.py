"""Class names of two datasets that mean the same action, as far as their letters tell."""

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

SIMILARITY = 0.85
"""Class names at least this alike (``difflib``'s ratio) may mean the same action. Design choice."""


def normalise_class_name(name: str) -> str:
    """A class name without case, spaces and punctuation: ``PlayingGuitar`` is ``playing_guitar``.

    Letters with their marks, digits and symbols are kept, in Unicode's form NFKC.
    """
    letters = unicodedata.normalize('NFKC', name).casefold()
    return ''.join(letter for letter in letters if unicodedata.category(letter)[0] in 'LMNS')


def similar_classes(names: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """All pairs of a name and another that are equal or nearly equal once they are normalised.

    Yields:
        (name, other, similarity): ``difflib``'s ratio, from ``SIMILARITY`` to 1 for equal names.
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
