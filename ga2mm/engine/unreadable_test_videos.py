"""A count of the unreadable and incomplete videos of a test or validation set, independent of the metric."""

from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.logging import MMLogger

from ga2mm.evaluation.accuracy import Accuracy
from ga2mm.utils import first_few


class UnreadableTestVideos:
    """Counts the unreadable videos, which black frames replace, in one pass over a set.

    Design choice: the run stops if more than half of a set is unreadable. The folder or the disk is then
    probably wrong, and the metrics have no meaning.

    Args:
        place: The set's key in the config, for messages.
        videos: Number of videos in the set.
    """

    def __init__(self, place: str, videos: int) -> None:
        self.place = place
        self.videos = videos
        self._reasons: dict[str, str] = {}
        self._mended: dict[str, str] = {}

    def take_in(self, batch: dict[str, Any]) -> None:
        """Count the videos of a batch of the dataloader.

        Raises:
            ValueError: More than half of the set is unreadable.
        """
        for sample in batch.get('data_samples') or ():
            self._mended |= mended_of(sample)
            if not sample.get('readable', True):
                self._reasons[sample.get('filename')] = '; '.join(sample.get('unreadable'))
        self._check()

    def finish(self, metrics: Sequence[BaseMetric], consequence: str = 'count as wrong') -> int:
        """Give the number of unreadable videos in all processes, and log a warning that names the first ones.

        A second warning names the first readable videos that lost frames.

        Args:
            metrics: The metrics of the set.
            consequence: How the results treat unreadable videos, for the warning.

        Raises:
            ValueError: More than half of the set is unreadable.
        """
        for found, mended in all_gather_object((self._reasons, self._mended)):
            self._reasons |= found
            self._mended |= mended
        self._check()
        if self._mended:
            MMLogger.get_current_instance().warning(
                f'{self.place}: {len(self._mended)} of {self.videos} videos are damaged, frames were '
                f'sampled from their readable part: {first_few(sorted(self._mended.values()), "; ")}'
            )
        if self._reasons:
            blind = _names(metric for metric in metrics if not isinstance(metric, Accuracy | DumpResults))
            if blind:
                consequence += (
                    f" ({blind} counts the black frames that replace them as videos: use 'Accuracy')"
                )
            MMLogger.get_current_instance().warning(
                f'{self.place}: {len(self._reasons)} of {self.videos} videos cannot be read and '
                f'{consequence}: {self._named()}'
            )
        return len(self._reasons)

    def _check(self) -> None:
        if 2 * len(self._reasons) > self.videos:
            raise ValueError(
                f'{self.place}: {len(self._reasons)} or more of {self.videos} videos cannot be read, more '
                f'than half: {self._named()}; check its data_prefix'
            )

    def _named(self) -> str:
        return first_few([self._reasons[name] for name in sorted(self._reasons)], '; ')


def mended_of(sample: dict[str, Any]) -> dict[str, str]:
    """Give the messages on a sample's videos that lost frames, by path."""
    return {text.rpartition(': ')[0]: text for text in sample.get('mended', ())}


def _names(metrics: Iterable[BaseMetric]) -> str:
    return ', '.join(dict.fromkeys(type(metric).__name__ for metric in metrics))
