"""Test clips with the answers of two runs, chosen by a fixed rule."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ga2mm.benchmark.cell import Cell
from ga2mm.datasets.still_image import OpenImage
from ga2mm.datasets.transforms import CentredSampleFrames, DecodeFrames, OpenVideo
from ga2mm.datasets.video_file import UnreadableVideoError
from ga2mm.engine.protocol_test_sets import IRRELEVANT, named_sets
from ga2mm.registry import DATASETS
from ga2mm.visualization.clip_cards import ClipCard
from ga2mm.visualization.confusion import UNREADABLE
from ga2mm.visualization.run_report import METRICS, read_test_metrics

MOST_CLIPS, MOST_SETS, FRAMES = 8, 4, 4
"""Clips of the report, test sets that they come from, and frames of each clip."""

OUTCOMES = {
    (False, True): 'wrong → right',
    (True, False): 'right → wrong',
    (True, True): 'right → right',
    (False, False): 'wrong → wrong',
}
"""Names of the outcomes (right before tuning, right after it), in the order in which clips are taken."""

RULE = (
    'The clips are not picked by hand. From each test set come, in turn, the first clip of the list with '
    'each of the four outcomes below, then the next ones, each class once while there are others. So rare'
    ' outcomes are shown as often as frequent ones; the table counts all clips.'
)


def read_clips(before: Cell, after: Cell, work_dir: Path) -> tuple[list[ClipCard], dict[str, Counter[str]]]:
    """Read test clips with the answers of a run without tuning and of a run with it.

    Returns:
        The chosen clips, and for each test set the number of clips with each outcome.

    Raises:
        OSError: A list does not exist.
        ValueError: The runs have no answers for single clips, or for other clips.
    """
    cells = {'zero-shot': before, after.method: after}
    reports = [read_test_metrics(work_dir / cell.folder / METRICS)['sets'] for cell in cells.values()]
    configs = {
        name: config['dataset']
        for name, _, config in named_sets(after.read_config().test_dataloader)
        if name != IRRELEVANT and all(name in report for report in reports)
    }
    if not configs:
        raise ValueError('the two runs have no test set in common')
    names = list(configs)[:MOST_SETS]
    cards: list[ClipCard] = []
    outcomes: dict[str, Counter[str]] = {}
    for name in names:
        dataset = DATASETS.build(dict(configs[name], pipeline=[]))
        classes, infos = dataset.metainfo['classes'], [dataset.get_data_info(i) for i in range(len(dataset))]
        labels = [info['label'] for info in infos]
        answers = {
            title: _answers(report[name], cell, len(labels))
            for (title, cell), report in zip(cells.items(), reports, strict=True)
        }
        groups = _by_outcome(labels, *answers.values())
        outcomes[name] = Counter({OUTCOMES[outcome]: len(found) for outcome, found in groups.items()})
        opener = OpenImage() if configs[name]['pipeline'][0].get('type') == 'OpenImage' else OpenVideo()
        for index in choose(list(groups.values()), labels, max(2, MOST_CLIPS // len(names))):
            frames = _frames(opener, infos[index])
            if frames is not None:
                given = {title: classes[found[index]] for title, found in answers.items()}
                note = f'true class, {name}' if name in ('base', 'novel') else f'true class of {name}'
                cards.append(ClipCard(frames, classes[labels[index]], given, note))
    return cards, outcomes


def _by_outcome(
    labels: Sequence[int], before: Sequence[int], after: Sequence[int]
) -> dict[tuple[bool, bool], list[int]]:
    """Group the indices of the clips that both runs could read by :data:`OUTCOMES`."""
    groups: dict[tuple[bool, bool], list[int]] = {outcome: [] for outcome in OUTCOMES}
    for index, (label, first, last) in enumerate(zip(labels, before, after, strict=True)):
        if UNREADABLE not in (first, last):
            groups[first == label, last == label].append(index)
    return groups


def choose(groups: Sequence[Sequence[int]], labels: Sequence[int], most: int) -> list[int]:
    """Choose clips from groups in turn, each label once while there are others.

    Args:
        groups: Indices of clips, in the order of the list.
        labels: Label of each clip.
        most: Number of clips, at most.
    """
    chosen: list[int] = []
    for repeat in (False, True):
        more = True
        while more and len(chosen) < most:
            more = False
            for group in groups:
                shown = {labels[index] for index in chosen}
                free = [i for i in group if i not in chosen and (repeat or labels[i] not in shown)]
                if free and len(chosen) < most:
                    chosen.append(free[0])
                    more = True
    return chosen


def _answers(found: dict[str, Any], cell: Cell, videos: int) -> list[int]:
    answers = found.get('predicted')
    if answers is None:
        raise ValueError(
            f'the test of {cell} has no answers for single clips; remove its result.json and start again'
        )
    if len(answers) != videos:
        raise ValueError(f'the test of {cell} has {len(answers)} answers for {videos} clips')
    return answers


def _frames(opener: OpenVideo | OpenImage, info: dict[str, Any]) -> list[np.ndarray] | None:
    """Read frames evenly spread over a clip; None if the file has become unreadable."""
    try:
        opened = opener.transform(info)
        sample = CentredSampleFrames(clip_len=min(FRAMES, opened['total_frames']), test_mode=True)
        return DecodeFrames().transform(sample.transform(opened))['imgs']
    except UnreadableVideoError:
        return None
