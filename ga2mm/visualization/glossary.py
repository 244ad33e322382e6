"""Explanations of the terms of a report, each where it first stands."""

import re
from collections.abc import Iterator

from ga2mm.visualization.html_page import html_terms

TERMS = {
    'zero-shot': (
        'CLIP as it is, without tuning: a class is a text such as "a video of a person juggling", and the'
        ' answer is the class whose text is nearest to the video.'
    ),
    'base classes': (
        'the classes that the method is tuned on, with a few clips of each. They are tested on other clips.'
    ),
    'novel classes': (
        'classes of which tuning sees no clip and no name. They are tested with their names alone.'
    ),
    'GA2-CLIP': (
        'a method that tunes deep prompts of a frozen CLIP, couples them to a hard prompt learnt on '
        'another data set, and keeps CLIP close to its own answers on anchors (arXiv 2511.22125).'
    ),
    'coupled prompts': 'deep prompts that are coupled to a hard prompt: GA2-CLIP without anchors.',
    'deep prompts': (
        'learnable tokens that enter several layers of CLIP, in the video tower and in the text tower. '
        'CLIP itself stays frozen.'
    ),
    'hard prompt': 'prompt tokens that were learnt on another data set and are frozen.',
    'anchors': (
        'videos (and names) that show none of the classes; the tuned model must encode them as CLIP does.'
    ),
    'class draws': 'each draw divides the classes anew into base and novel ones.',
    'top-1': 'the share of test clips for which the first answer is right.',
    'generalized HM': 'HM if base and novel names are offered together, which is harder.',
    'HM': 'the harmonic mean of base and novel accuracy; it is high only if both are.',
    '±': 'the standard deviation over all runs.',
    'not shown': (
        'the 95 % interval of the difference contains zero, so these runs do not show a difference.'
    ),
    'AUROC': (
        'how well a score separates videos of the classes from irrelevant ones: 50 is chance, 100 perfect.'
    ),
    'FPR95': 'the share of irrelevant videos that pass where 95 % of the videos of the classes pass.',
}
"""Explanation by term, the longer of two overlapping terms first."""


class Glossary:
    """The terms of one page that are explained already."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def explain(self, *texts: str) -> str:
        """Give a list of the terms that stand in the texts for the first time, and in their explanations."""
        return html_terms([(term, TERMS[term]) for term in self._new(' '.join(texts))])

    def _new(self, text: str) -> Iterator[str]:
        for term, meaning in TERMS.items():
            text, there = re.subn(rf'(?<!\w){re.escape(term)}(?!\w)', '', text)
            if there and term not in self._known:
                self._known.add(term)
                yield term
                yield from self._new(meaning)
