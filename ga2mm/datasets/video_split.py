"""Split of a user's own videos into training and test, and into base and novel classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ga2mm.datasets.own_videos import OwnVideo
from ga2mm.datasets.shuffled import shuffled
from ga2mm.datasets.similar_classes import normalise_class_name
from ga2mm.utils import nearest

TEST_SHARE = 0.3
"""Share of a base class's videos that are for the test if no number of shots is given. Design choice."""

TRIES = 50
"""Number of orders of the recordings to try, since some orders leave a class without training videos."""


@dataclass(frozen=True)
class VideoSplit:
    """Training and test videos.

    Args:
        base: Names of the classes that are trained on, in the order of their labels.
        novel: Names of the other classes.
        train: Training videos of the base classes.
        test: Test videos of all classes.
    """

    base: tuple[str, ...]
    novel: tuple[str, ...]
    train: tuple[OwnVideo, ...]
    test: tuple[OwnVideo, ...]


def choose_classes(names: Iterable[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Give the classes with the given names, ignoring case, spaces and punctuation.

    Raises:
        ValueError: A name is not a class (the message suggests the nearest class) or is given twice.
    """
    by_name = {normalise_class_name(name): name for name in classes}
    chosen: dict[str, None] = {}
    for name in names:
        found = by_name.get(normalise_class_name(name))
        if found is None:
            like = nearest(name, classes, 0.4)
            meant = f'did you mean {like!r}?' if like else f'the classes are {", ".join(classes)}'
            raise ValueError(f'--novel: {name!r} is not a class; {meant}')
        if found in chosen:
            raise ValueError(f'--novel: {found!r} is given twice')
        chosen[found] = None
    return tuple(name for name in classes if name in chosen)


def split_videos(
    videos: Sequence[OwnVideo], novel: Sequence[str] = (), shots: int | None = None, seed: int = 1
) -> VideoSplit:
    """Choose training and test videos such that no recording is on both sides.

    Videos of novel classes are all for the test. The recordings of each base class are taken for training
    until they have enough videos, and the others are for the test. Recordings and shots are drawn by a hash
    of seed and name, so the split is the same on every machine.

    Args:
        videos: The videos of all classes.
        novel: Names of the novel classes.
        shots: Number of training videos of each base class; None for all but those for the test, which are
            ``TEST_SHARE`` of the class or, since recordings stay whole, more or fewer.
        seed: Seed of the draw.

    Raises:
        ValueError: There are fewer than two base classes, a class has only one recording or too few for
            ``shots``, or all its recordings are test videos of other classes.
    """
    if shots is not None and shots < 1:
        raise ValueError(f'--shots {shots}: give 1 or more')
    base = tuple(sorted({video.class_name for video in videos} - set(novel)))
    if len(base) < 2:
        raise ValueError('--novel: two classes or more must be left to train on')
    by_class = {name: _by_recording(videos, name) for name in base}
    in_novel = {video.recording for video in videos if video.class_name in novel}
    for number in range(TRIES):
        try:
            train_side = _train_side(by_class, in_novel, shots, f'{seed}.{number}' if number else str(seed))
            break
        except ValueError as error:
            if number == TRIES - 1:
                raise error from None
    train: list[OwnVideo] = []
    for recordings in by_class.values():
        of_class = [video for name in train_side & recordings.keys() for video in recordings[name]]
        drawn = set(shuffled([video.path for video in of_class], seed)[:shots])
        train += sorted((video for video in of_class if video.path in drawn), key=lambda video: video.path)
    test = tuple(video for video in videos if video.recording not in train_side)
    return VideoSplit(base, tuple(novel), tuple(train), test)


def _by_recording(videos: Sequence[OwnVideo], class_name: str) -> dict[str, list[OwnVideo]]:
    found: dict[str, list[OwnVideo]] = {}
    for video in videos:
        if video.class_name == class_name:
            found.setdefault(video.recording, []).append(video)
    return found


def _train_side(
    by_class: dict[str, dict[str, list[OwnVideo]]], in_novel: set[str], shots: int | None, seed: str
) -> set[str]:
    """Choose the recordings for training; the first classes are those with the least choice."""
    train: set[str] = set()
    test = set(in_novel)
    for name, recordings in sorted(by_class.items(), key=lambda pair: (len(pair[1]), pair[0])):
        videos = sum(map(len, recordings.values()))
        needed = shots or max(1, videos - round(TEST_SHARE * videos))
        order = shuffled(recordings, seed)
        by_size = sorted(order, key=lambda one: -len(recordings[one]))
        # If small recordings come first, the last one, which is for the test, may hold most videos.
        for choice in (order, by_size):
            side = _of_class(choice, recordings, train, test, needed)
            count = sum(len(recordings[one]) for one in side)
            if count >= needed:
                break
        if len(recordings) == 1:
            raise ValueError(
                f"class '{name}': all {videos} videos are pieces of one recording by their names and cannot "
                "be for training and test; tell recordings apart by --group-by ('.*': each is its own)"
            )
        if side >= recordings.keys() or count < (shots or 1):
            raise ValueError(
                f"class '{name}' has {count} training videos for {shots or 1} shots and "
                f'{videos - count} for the test, since recordings stay whole and are on one side for all '
                'classes; lower --shots, or tell recordings apart by --group-by'
            )
        train |= side
        test |= recordings.keys() - side
    return train


def _of_class(
    order: Sequence[str], recordings: dict[str, list[OwnVideo]], train: set[str], test: set[str], needed: int
) -> set[str]:
    """Choose a class's recordings for training, given the sides of other classes; one is for the test."""
    chosen = {one for one in order if one in train}
    free = [one for one in order if one not in train and one not in test]
    if not any(one in test for one in order):
        free = free[:-1]
    for one in free:
        if sum(len(recordings[other]) for other in chosen) >= needed:
            break
        chosen.add(one)
    return chosen
