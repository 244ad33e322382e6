"""The classes of a long video over time."""

from dataclasses import dataclass, replace
from typing import Any

from ga2mm.apis.prediction import Prediction


@dataclass(frozen=True)
class TimeLine:
    """Predictions for the windows of a video.

    Attributes:
        video: The file.
        window: Length of the windows in seconds.
        stride: Seconds from window to window.
        predictions: One for each window, in order. If the video cannot be read to its end, the last one has
            no label and says why.
    """

    video: str
    window: float
    stride: float
    predictions: tuple[Prediction, ...]

    @property
    def segments(self) -> list[Prediction]:
        """The segments of equal labels that follow one another without gap or overlap.

        Windows overlap. Design choice: between the middles of two windows, the border of their labels is in
        the middle. A segment has the mean of its windows' probabilities for its label.
        """
        spans = [one for one in self.predictions if one.start is not None]
        middles = [(one.start + one.end) / 2 for one in spans]
        borders = [(one + other) / 2 for one, other in zip(middles, middles[1:], strict=False)]
        starts = [spans[0].start, *borders] if spans else []
        ends = [*borders, spans[-1].end] if spans else []
        groups: list[list[Prediction]] = []
        for one, start, end in zip(spans, starts, ends, strict=True):
            part = replace(one, start=round(start, 3), end=round(end, 3))
            last = groups[-1][-1] if groups else None
            if last is not None and (last.label, last.labels) == (part.label, part.labels):
                groups[-1].append(part)
            else:
                groups.append([part])
        return [_merge(group) for group in groups]

    def to_dict(self) -> dict[str, Any]:
        """Give the values for JSON."""
        return dict(
            video=self.video,
            window=self.window,
            stride=self.stride,
            segments=[
                dict(
                    start=one.start,
                    end=one.end,
                    label=one.label,
                    labels=list(one.labels),
                    probability=one.probability,
                )
                for one in self.segments
            ],
            windows=[one.to_dict() for one in self.predictions],
        )


def _merge(group: list[Prediction]) -> Prediction:
    """Merge neighbours of the same label."""
    first = group[0]
    if first.probability is None:
        return replace(first, end=group[-1].end, top=())
    mean = sum(one.probability for one in group) / len(group)
    return replace(first, end=group[-1].end, top=((first.label, mean),))
