"""Make few-shot and base-to-novel lists from a dataset's own annotations.

Writes under --out, with the published names::

    few_shot/train{SPLIT}_few_shot_{K}.txt     K videos of each class (seed 1; later seeds end in _s{SEED})
    few_shot/val{SPLIT}.txt                    the test list of all classes
    base2novel/fs_base_s{SEED}_train.txt       16 videos of each base class (other K: ..._train_{K}.txt)
    base2novel/base_train.txt                  all training videos of the base classes
    base2novel/base_holdout.txt                training videos of the base classes, held out for validation
    base2novel/{base,novel}_val.txt            the test lists of base and novel classes
    labels/*.csv                               label maps: all, base and novel classes
    annotations/anchors.txt                    k400: irrelevant videos for other datasets, K of each class
    annotations/not_in_kinetics400{,_val}.txt  k600: the first 100 classes that are not in Kinetics-400
    zero_shot/split{1,2,3}.txt                 k600: the test list of 160 classes that are not in Kinetics-400

A dataset has one partition into base and novel classes, so the base2novel lists are written for split 1 only.
Videos are drawn by a hash of seed and name: the same annotations and seed give the same lists on every
machine, and a list of K videos is a subset of the list of 2K. Held-out videos are drawn first; K-shot lists
contain neither these nor other clips of the same recordings.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors, replace_when_written

if TYPE_CHECKING:
    from ga2mm.datasets.official_annotations import OfficialAnnotations, OfficialVideo

LABEL_MAPS = {
    'ucf101': ('ucf_101', 'ucf_101'),
    'hmdb51': ('hmdb_51', 'hmdb_51'),
    'jhmdb': ('jhmdb', 'jhmdb'),
    'ssv2': ('ssv2', 'ssv2_174'),
    'k400': ('kinetics_400', 'kinetics_400'),
    'k600': ('kinetics_600', 'kinetics_600'),
}
"""Published prefixes of the label maps of all classes, and of base and novel classes."""

BASE_SHOTS = 16
"""Shots of the published base-to-novel lists, which are not in their file names."""

SOURCE_CLASSES = 100
"""Number of Kinetics-600 classes, by alphabet, on which the release learns its first hard prompt."""

ZERO_SHOT_CLASSES = 160
ZERO_SHOT_SPLITS = 3
"""Number of draws of 160 new classes in zero-shot Kinetics-600 (arXiv 2108.02833)."""


def main() -> None:
    """Make the lists."""
    args = parse_args()
    annotations = read_annotations(args)
    base, novel = partition(annotations)
    if args.base_classes is not None:
        base, novel = named_partition(annotations.classes, args.base_classes, args.novel_classes)
    if args.dataset == 'jhmdb':
        annotations = keep_jhmdb(annotations, args)
        base, novel = ([name for name in half if name in annotations.classes] for half in (base, novel))
    elif getattr(args, 'videos', None) is not None:
        annotations = keep_existing(annotations, args.videos)
    split = getattr(args, 'split', 1)
    writer = SplitWriter(args.out, annotations, base if split == 1 else [], args.holdout)
    prefix, base_prefix = LABEL_MAPS.get(args.dataset, (args.out.resolve().name,) * 2)

    writer.label_map(f'{prefix}_labels', annotations.classes)
    for seed in args.seeds:
        for shots in args.shots:
            name = f'few_shot/train{split}_few_shot_{shots}' + (f'_s{seed}' if seed > 1 else '')
            writer.videos(name, writer.few_shot(annotations.classes, shots, seed), annotations.classes)
    writer.videos(f'few_shot/val{split}', annotations.test, annotations.classes)
    if split == 1:
        writer.label_map(f'{base_prefix}_base_labels', base)
        writer.label_map(f'{base_prefix}_novel_labels', novel)
        for seed in args.seeds:
            for shots in args.shots:
                name = f'base2novel/fs_base_s{seed}_train' + (f'_{shots}' if shots != BASE_SHOTS else '')
                writer.videos(name, writer.few_shot(base, shots, seed), base)
        writer.videos('base2novel/base_train', annotations.train, base)
        writer.videos('base2novel/base_holdout', writer.held_out, base)
        writer.videos('base2novel/base_val', annotations.test, base)
        writer.videos('base2novel/novel_val', annotations.test, novel)
    if args.dataset == 'k400':
        anchors = writer.few_shot(annotations.classes, max(args.shots), 1)
        writer.videos('annotations/anchors', anchors, annotations.classes)
    if args.dataset == 'k600':
        write_new_classes(writer, annotations, args)
    print(f'{args.out}: {writer.count} files; {len(base)} base and {len(novel)} novel classes')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    datasets = parser.add_subparsers(dest='dataset', required=True, metavar='DATASET')

    common, official, split, splits, kinetics = parent_parsers()
    ucf101 = datasets.add_parser('ucf101', parents=[official, splits, common], help='ucfTrainTestlist')
    ucf101.add_argument(
        '--split-camel-case',
        action='store_true',
        help='write class names as Apply Eye Makeup, not ApplyEyeMakeup',
    )
    datasets.add_parser('hmdb51', parents=[official, splits, common], help='testTrainMulti_7030_splits')
    jhmdb = datasets.add_parser(
        'jhmdb',
        parents=[official, split, common],
        help='JHMDB, and testTrainMulti_7030_splits',
    )
    jhmdb.add_argument(
        '--videos', type=Path, required=True, help='folder with the class folders in it or below'
    )
    jhmdb.add_argument(
        '--leave-out',
        nargs='+',
        default=[],
        metavar='CLASS',
        help='classes to leave out, whose clips are irrelevant videos then',
    )
    ssv2 = datasets.add_parser('ssv2', parents=[official, common], help='labels.json, train.json, ...')
    ssv2.add_argument('--file-name', default='{id}.webm', help='listed path')
    datasets.add_parser('k400', parents=[official, kinetics, common], help='train.csv, val.csv')
    k600 = datasets.add_parser('k600', parents=[official, kinetics, common], help='train.csv, val.csv')
    k600.add_argument(
        '--k400-labels', type=Path, required=True, help='label map of Kinetics-400, whose classes are not new'
    )
    k600.add_argument(
        '--zero-shot-classes',
        type=Path,
        nargs='+',
        metavar='FILE',
        help='files with the classes of a zero-shot split, a label map or one name per line; '
        'default: 3 draws of 160',
    )
    lists = datasets.add_parser('lists', parents=[common], help="your own 'path label' lists")
    lists.add_argument('--train', type=Path, required=True, help='training list')
    lists.add_argument('--test', type=Path, required=True, help='test list')
    lists.add_argument('--label-map', type=Path, required=True, help='names of the classes')

    args = parser.parse_args()
    if (args.base_classes is None) != (args.novel_classes is None):
        parser.error('give both --base-classes and --novel-classes, or neither')
    return args


def parent_parsers() -> list[argparse.ArgumentParser]:
    """Make parsers for the options of all datasets, of those with annotations or splits, and of Kinetics."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--out', type=Path, required=True, help='folder of the lists, such as data/ucf101')
    common.add_argument('--shots', type=positive_integer, nargs='+', default=[2, 4, 8, 16], metavar='K')
    common.add_argument('--seeds', type=positive_integer, nargs='+', default=[1, 2, 3], metavar='SEED')
    common.add_argument(
        '--holdout',
        type=positive_integer,
        default=4,
        metavar='N',
        help='number of validation videos of each base class',
    )
    common.add_argument(
        '--base-classes',
        type=Path,
        help='names of the base classes, a label map or one name per line; default: the more frequent half',
    )
    common.add_argument('--novel-classes', type=Path, help='names of the novel classes')

    official = argparse.ArgumentParser(add_help=False)
    official.add_argument(
        '--annotations', type=Path, required=True, metavar='DIR', help="the dataset's own annotation files"
    )

    split = argparse.ArgumentParser(add_help=False)
    split.add_argument('--split', type=int, choices=[1, 2, 3], default=1, help='official split')
    splits = argparse.ArgumentParser(add_help=False, parents=[split])
    splits.add_argument(
        '--file-name',
        default='{video}',
        help="listed path; '{label}/{video}' if each class has its own folder",
    )

    kinetics = argparse.ArgumentParser(add_help=False)
    kinetics.add_argument(
        '--file-name',
        help="listed path; the published lists have '{youtube_id}.mp4'; {label} works too",
    )
    kinetics.add_argument('--videos', type=Path, help='list only videos that are in this folder')
    return [common, official, split, splits, kinetics]


def read_annotations(args: argparse.Namespace) -> 'OfficialAnnotations':
    """Read the annotations that the command line names."""
    from ga2mm.datasets import official_annotations as official

    if args.dataset == 'ucf101':
        return official.read_ucf101(args.annotations, args.split, args.file_name, args.split_camel_case)
    if args.dataset == 'hmdb51':
        return official.read_hmdb51(args.annotations, args.split, args.file_name)
    if args.dataset == 'jhmdb':
        from ga2mm.datasets.jhmdb import folder_of_lists

        return official.read_hmdb51(folder_of_lists(args.annotations), args.split)
    if args.dataset == 'ssv2':
        return official.read_ssv2(args.annotations, args.file_name)
    if args.dataset == 'lists':
        return official.read_lists(args.train, args.test, args.label_map)
    return official.read_kinetics(args.annotations, args.file_name or official.KINETICS_FILE_NAME)


def partition(annotations: 'OfficialAnnotations') -> tuple[list[str], list[str]]:
    """Divide classes into base and novel by the rule of the published lists.

    Classes are sorted by their number of training videos, ties by label. The less frequent half is novel,
    the rest is base, and labels follow this order. This rule gives the published partitions of UCF101 and
    HMDB51.
    """
    counts = Counter(video.class_name for video in annotations.train)
    ordered = sorted(annotations.classes, key=counts.__getitem__)
    half = len(ordered) // 2
    return ordered[half:], ordered[:half]


def named_partition(classes: Sequence[str], base: Path, novel: Path) -> tuple[list[str], list[str]]:
    """Read base and novel classes from two files, in their order.

    Raises:
        ValueError: A name is not a class, or a class is in both files or in neither.
    """
    names = read_class_names(base, classes), read_class_names(novel, classes)
    both = set(names[0]) & set(names[1])
    neither = set(classes) - set(names[0]) - set(names[1])
    if both:
        raise ValueError(f"class '{min(both)}' is in both {base} and {novel}")
    if neither:
        raise ValueError(f"class '{min(neither)}' is neither in {base} nor in {novel}")
    return names


def read_class_names(path: Path, classes: Sequence[str]) -> list[str]:
    """Read class names from a file, ignoring case, spaces and punctuation.

    Raises:
        ValueError: A name is not a class.
    """
    from ga2mm.datasets import read_label_map
    from ga2mm.datasets.similar_classes import normalise_class_name

    by_name = {normalise_class_name(name): name for name in classes}
    wanted = read_label_map(path)
    for name in wanted:
        if normalise_class_name(name) not in by_name:
            raise ValueError(f"{path}: '{name}' is not a class of the annotations")
    return [by_name[normalise_class_name(name)] for name in wanted]


def keep_existing(annotations: 'OfficialAnnotations', folder: Path) -> 'OfficialAnnotations':
    """Keep only the videos that exist in a folder, and report the number of missing ones.

    Raises:
        FileNotFoundError: The folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'--videos {folder}: no such folder')
    train, test = (
        tuple(video for video in videos if (folder / video.path).is_file())
        for videos in (annotations.train, annotations.test)
    )
    missing = len(annotations.train) - len(train), len(annotations.test) - len(test)
    print(f'{folder}: {missing[0]} training and {missing[1]} test videos are missing and not listed')
    return replace(annotations, train=train, test=test)


def keep_jhmdb(annotations: 'OfficialAnnotations', args: argparse.Namespace) -> 'OfficialAnnotations':
    """Keep the videos and classes of HMDB51 that JHMDB has, without the classes to leave out."""
    from ga2mm.datasets.jhmdb import keep_jhmdb

    return keep_jhmdb(annotations, args.videos, args.leave_out)


def write_new_classes(
    writer: 'SplitWriter', annotations: 'OfficialAnnotations', args: argparse.Namespace
) -> None:
    """Write the lists of the Kinetics-600 classes that are not in Kinetics-400.

    Classes are the same if their names are equal except for case, spaces and punctuation. Renamed classes
    therefore count as new: 231 with the official names, of which the zero-shot protocol keeps 220.

    Raises:
        ValueError: There are fewer new classes than a zero-shot split has, or a class file is wrong.
    """
    from ga2mm.datasets import read_label_map
    from ga2mm.datasets.shuffled import shuffled
    from ga2mm.datasets.similar_classes import normalise_class_name

    known = {normalise_class_name(name) for name in read_label_map(args.k400_labels)}
    new = [name for name in annotations.classes if normalise_class_name(name) not in known]
    source = new[:SOURCE_CLASSES]
    writer.label_map('not_in_kinetics400', source)
    writer.videos('annotations/not_in_kinetics400', writer.few_shot(source, max(args.shots), 1), source)
    writer.videos('annotations/not_in_kinetics400_val', annotations.test, source)
    if args.zero_shot_classes is not None:
        draws = [read_class_names(path, annotations.classes) for path in args.zero_shot_classes]
    elif len(new) < ZERO_SHOT_CLASSES:
        raise ValueError(
            f'only {len(new)} classes are not in {args.k400_labels}, a zero-shot split has '
            f'{ZERO_SHOT_CLASSES}; name the classes by --zero-shot-classes'
        )
    else:
        draws = [
            sorted(shuffled(new, f'zero-shot {number}')[:ZERO_SHOT_CLASSES])
            for number in range(1, ZERO_SHOT_SPLITS + 1)
        ]
    for number, classes in enumerate(draws, start=1):
        writer.label_map(f'zero_shot_split{number}', classes)
        writer.videos(f'zero_shot/split{number}', annotations.test, classes)


class SplitWriter:
    """Draws videos, and writes lists and label maps.

    Args:
        out: Folder of the files.
        annotations: Annotations of the videos to draw from.
        base: The base classes.
        holdout: Number of videos of each base class to hold out.

    Attributes:
        held_out: The held-out videos.
        count: Number of files written.
    """

    def __init__(
        self, out: Path, annotations: 'OfficialAnnotations', base: Sequence[str], holdout: int
    ) -> None:
        self.out = out
        self.held_out: list[OfficialVideo] = []
        self.count = 0
        self._drawable: dict[str, list[OfficialVideo]] = {name: [] for name in annotations.classes}
        self._holdout = holdout
        for video in annotations.train:
            self._drawable[video.class_name].append(video)
        for name in base:
            held_out = self._hold_out(self._drawable[name])
            sources = {video.source for video in held_out}
            self._drawable[name] = [v for v in self._drawable[name] if v.source not in sources]
            self.held_out += held_out

    def _hold_out(self, videos: list['OfficialVideo']) -> list['OfficialVideo']:
        """Draw whole sources until there are enough videos; no list uses the surplus videos."""
        from ga2mm.datasets.shuffled import shuffled

        drawn: list[OfficialVideo] = []
        for source in shuffled({video.source for video in videos}, 'holdout'):
            if len(drawn) < self._holdout:
                drawn += sorted((v for v in videos if v.source == source), key=lambda video: video.name)
        return drawn[: self._holdout]

    def few_shot(self, classes: Iterable[str], shots: int, seed: int) -> list['OfficialVideo']:
        """Draw videos of each class that are not held out.

        Raises:
            ValueError: A class has too few videos.
        """
        from ga2mm.datasets.shuffled import shuffled

        drawn = []
        for name in classes:
            videos = {video.name: video for video in self._drawable[name]}
            if len(videos) < shots:
                raise ValueError(
                    f"class '{name}' has {len(videos)} training videos for {shots} shots (without held-out "
                    'videos and clips of their recordings); lower --shots or --holdout'
                )
            drawn += [videos[video] for video in shuffled(videos, str(seed))[:shots]]
        return drawn

    def videos(self, name: str, videos: Iterable['OfficialVideo'], classes: Sequence[str]) -> None:
        """Write the videos of ``classes`` as ``path label`` lines, in the order of label and path."""
        label_of = {class_name: label for label, class_name in enumerate(classes)}
        rows = sorted((label_of[v.class_name], v.path) for v in videos if v.class_name in label_of)
        with self._file(f'{name}.txt') as path:
            path.write_text(''.join(f'{video} {label}\n' for label, video in rows), encoding='utf-8')

    def label_map(self, name: str, classes: Sequence[str]) -> None:
        """Write class names as a CSV file with the header ``id,name``."""
        with self._file(f'labels/{name}.csv') as path, path.open('w', encoding='utf-8', newline='') as file:
            csv.writer(file, lineterminator='\n').writerows([('id', 'name'), *enumerate(classes)])

    def _file(self, name: str) -> AbstractContextManager[Path]:
        self.count += 1
        return replace_when_written(self.out / name)


def positive_integer(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is below 1')
    return value


if __name__ == '__main__':
    with one_line_errors():
        main()
