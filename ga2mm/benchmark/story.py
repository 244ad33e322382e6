"""The chief comparison of a benchmark in words: a tuned method against zero-shot CLIP."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ga2mm.benchmark.cell import Cell
from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.statistics import paired_difference
from ga2mm.checks.config_lists import read_config_lists

LEAST_CHANGE = 5.0
"""Points by which the accuracy of a class must change to count as learnt or lost. Design choice."""

MOST_OTHERS = 2
"""More methods besides the chief one are only counted."""

VERDICTS = {'novel': ('gained', 'kept', 'lost'), 'base': ('learnt', 'unchanged', 'lost')}
"""Names for a class of a test set whose accuracy rose, stayed and fell; other sets have those of ``base``."""

CLASSES = ('all', 'base', 'novel')
"""Test sets whose names say which classes they have."""

Rows = list[dict[str, Any]]

KEYS = ('method', 'dataset', 'draw', 'shots', 'seed')
"""Keys of a row, and attributes of its run, that tell the run from others."""


@dataclass(frozen=True)
class Story:
    """A tuned method and zero-shot CLIP on one dataset.

    Args:
        dataset: Name of the dataset, the first one of the benchmark.
        datasets: Number of datasets of the benchmark.
        tuned: By trained method, the rows of its runs; the chief method comes first.
        zero_shot: Name and rows of the first method that learns nothing; None without such rows.
        cell: The first finished run of the chief method.
        zero_shot_cell: The run of ``zero_shot`` on the same draw.
    """

    dataset: str
    datasets: int
    tuned: dict[str, Rows]
    zero_shot: tuple[str, Rows] | None
    cell: Cell
    zero_shot_cell: Cell | None

    @property
    def chief(self) -> str:
        """Name of the chief method."""
        return next(iter(self.tuned))


def read_story(benchmark: Benchmark, rows: Rows) -> Story | None:
    """Choose the chief comparison from the rows of finished runs; None if no trained method has finished.

    The chief method is the benchmark's ``chief``, or else the last one that is trained. Of several numbers of
    shots, the largest counts.
    """
    by_place = {tuple(getattr(cell, key) for key in KEYS): cell for cell in benchmark.cells}
    cells = {id(row): by_place[tuple(row[key] for key in KEYS)] for row in rows}
    trained = list(dict.fromkeys(row['method'] for row in rows if cells[id(row)].trains))
    if not trained:
        return None
    chief = benchmark.chief if benchmark.chief in trained else trained[-1]
    own = [row for row in rows if row['method'] == chief]
    dataset = own[0]['dataset']
    shots = max((row['shots'] for row in own if row['dataset'] == dataset), key=lambda value: value or 0)
    here = [row for row in rows if row['dataset'] == dataset and row['shots'] in (shots, None)]
    tuned = {name: [row for row in here if row['method'] == name] for name in [chief, *trained]}
    cell = cells[id(tuned[chief][0])]
    fixed = [row for row in here if not cells[id(row)].learns]
    fixed = [row for row in fixed if row['method'] == fixed[0]['method']]
    same = [cells[id(row)] for row in fixed if row['draw'] == cell.draw]
    return Story(
        dataset=dataset,
        datasets=len({row['dataset'] for row in rows}),
        tuned={name: found for name, found in tuned.items() if found},
        zero_shot=(fixed[0]['method'], fixed) if fixed else None,
        cell=cell,
        zero_shot_cell=same[0] if same else None,
    )


def sentence(story: Story) -> str:
    """Say in one sentence what was tuned on what, and what that did to the accuracies."""
    others = list(story.tuned)[1:]
    few = others if len(others) <= MOST_OTHERS else []
    named = [story.chief, *few]
    names = named if len(few) == len(others) else [*named, f'{len(others)} other methods']
    were = 'was' if len(story.tuned) == 1 and not story.chief.endswith('s') else 'were'  # deep prompts
    said = f'{_listed(names)} {were} tuned on {_training(story)} of “{story.dataset}”'
    if story.datasets > 1:
        said += f' (the first of {story.datasets} data sets)'
    rows = story.tuned[story.chief]
    runs = [
        (len({row[key] for row in rows}), name) for key, name in (('draw', 'class draw'), ('seed', 'seed'))
    ]
    runs = [f'{number} {name}s' for number, name in runs if number > 1]
    if runs:
        said += f', with {" and ".join(runs)} (figures are means)'
    outcomes = [f'with {name}, {_outcome(story, name)}' for name in named]
    return f'{said}: {"; ".join(outcomes)}.'


def _outcome(story: Story, method: str) -> str:
    """Say how each accuracy of a method differs from zero-shot CLIP's, over the draws that both have."""
    parts = []
    for score in dict.fromkeys(score for row in story.tuned[method] for score in row['scores']):
        if '/' in score or score == 'hm':
            continue
        name = f'accuracy on {score}{" classes" if score in CLASSES else ""}'
        before, after = means(story, method, score)
        if before is None:
            parts.append(f'{name} is {after:.1f} %')
        elif f'{before:.1f}' == f'{after:.1f}':
            parts.append(f'{name} stayed at {after:.1f} %')
        else:
            whose = f"{story.zero_shot[0]}'s " if method == story.chief and not parts else ''
            is_known = method != story.chief and means(story, story.chief, score)[0] == before
            start = '' if is_known else f'from {whose}{before:.1f} '
            difference = paired_difference(story.tuned[method], story.zero_shot[1], score)
            doubt = '' if difference.half_width is None or difference.shown else ' (not shown)'
            parts.append(f'{name} {"rose" if after > before else "fell"} {start}to {after:.1f} %{doubt}')
    return _listed(parts)


def means(story: Story, method: str, score: str) -> tuple[float | None, float]:
    """Give zero-shot CLIP's and a method's mean of a score over the draws that both have.

    Without such draws, the first is None and the second is the mean over all runs of the method.
    """
    pairs = _paired(story, method)
    before = [row['scores'][score] for _, rows in pairs for row in rows if score in row['scores']]
    after = [row['scores'][score] for rows, _ in pairs for row in rows if score in row['scores']]
    if before and after:
        return statistics.fmean(before), statistics.fmean(after)
    return None, statistics.fmean(
        row['scores'][score] for row in story.tuned[method] if score in row['scores']
    )


def _paired(story: Story, method: str) -> list[tuple[Rows, Rows]]:
    """Give the rows of a method and of zero-shot CLIP for each draw that both have."""
    pairs = []
    for draw in dict.fromkeys(row['draw'] for row in story.tuned[method]):
        after = [row for row in story.tuned[method] if row['draw'] == draw]
        before = [row for row in story.zero_shot[1] if row['draw'] == draw] if story.zero_shot else []
        if before:
            pairs.append((after, before))
    return pairs


def _training(story: Story) -> str:
    """Say how many clips and classes the first run of the chief method was trained on."""
    lists, _ = read_config_lists(story.cell.read_config(), ['train_dataloader'])
    labelled = [one for one in lists if one.role == 'training']
    clips = sum(len(one.labels) for one in labelled)
    classes = len({one.classes[label] for one in labelled for label in one.labels})
    if not labelled:
        return 'the training clips'
    kind = 'base classes' if all(one.split == 'base' for one in labelled) else 'classes'
    return f'{clips} clips of {classes} {kind}'


def class_changes(story: Story, name: str) -> list[tuple[str, float, float]]:
    """Give class, zero-shot and tuned accuracy in per cent of a test set, the largest gain first.

    A class that several draws have in this set has the mean of these draws.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for after, before in _paired(story, story.chief):
        for label in before[0]['per_class'].get(name, {}):
            pair = [[row['per_class'].get(name, {}).get(label) for row in rows] for rows in (before, after)]
            if all(value is not None for values in pair for value in values):
                found.setdefault(label, []).append(tuple(map(statistics.fmean, pair)))
    changes = [(label, *map(statistics.fmean, zip(*pairs, strict=True))) for label, pairs in found.items()]
    return sorted(changes, key=lambda one: (one[1] - one[2], one[0]))


def verdicts(name: str) -> tuple[str, str, str]:
    """Give the words for the classes of a test set that rose, stayed and fell."""
    return VERDICTS.get(name, VERDICTS['base'])


def verdict(name: str, before: float, after: float) -> str:
    """Tell whether a class of a test set was learnt, stayed as it was, or was lost."""
    rose, stayed, fell = verdicts(name)
    return rose if after - before > LEAST_CHANGE else fell if before - after > LEAST_CHANGE else stayed


def _listed(parts: Sequence[str]) -> str:
    """Join parts by commas and 'and'."""
    return ' and '.join([', '.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
