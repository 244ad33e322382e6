"""Lists, label maps and other text files."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzzing.damage import damage_bytes
from fuzzing.kind import ANYTHING, NOTHING, Case, Kind
from ga2mm.anchors import AnchorVideoDataset
from ga2mm.anchors.negatives import read_negatives
from ga2mm.datasets import ActionVideoDataset, read_coop_split, read_label_map
from ga2mm.datasets.official_annotations import read_kinetics, read_ssv2, read_ucf101

NAMES = ('ring bouncing', 'star spinning', 'cup, tilted', 'Ärger zeigen', 'box sliding', 'cone rising')
"""Class names, one with a comma and one that is not ASCII."""

LIST = [(f'{name.split()[0]}_{take}.mp4', label) for label, name in enumerate(NAMES) for take in range(3)]
"""Videos and their labels."""

Way = Callable[[list[str], random.Random], tuple[str | bytes, Any]]
"""Function from the rows of a text to a damaged text and the correct result."""

SAME = 'same'
"""``Case.right`` of a damaged text with unchanged meaning."""

ENCODINGS = {
    'a byte order mark': (lambda text: text.encode('utf-8-sig'), SAME),
    'UTF-16': (lambda text: text.encode('utf-16'), SAME),
    'Latin-1': (lambda text: text.encode('latin-1'), SAME),
    'Windows line ends': (lambda text: text.replace('\n', '\r\n').encode(), SAME),
    'old Macintosh line ends': (lambda text: text.replace('\n', '\r').encode(), SAME),
    'no last line end': (lambda text: text.rstrip('\n').encode(), SAME),
    'blank lines': (lambda text: f'\n{text}\n \n'.encode(), SAME),
    'spaces around rows': (lambda text: text.replace('\n', ' \t\n').encode(), SAME),
    'a NUL in every row': (lambda text: text.replace('a', 'a\0', 1).replace('\n', '\0\n').encode(), NOTHING),
    'NULs alone': (lambda text: bytes(len(text)), NOTHING),
    'nothing': (lambda text: b'', NOTHING),
    'blank rows alone': (lambda text: b'\n \n\t\n', NOTHING),
    'one line of 10 MB': (lambda text: text.replace('\n', ' ').encode() * (10**7 // len(text)), NOTHING),
    'a word of 10 MB': (lambda text: b'x' * 10**7, NOTHING),
    'a word of 10 MB in the first row': (lambda text: b'x' * 10**7 + text.encode(), ANYTHING),
}
"""Damage to whole text files: the function, and the correct result."""


class Texts(Kind):
    """A text file whose rows are known."""

    suffix = '.txt'

    def rows(self) -> list[str]:
        """Give the rows of the intact file."""
        raise NotImplementedError

    def content(self) -> Any:
        """Give the correct result of reading the intact file."""
        raise NotImplementedError

    def ways(self) -> dict[str, Callable[[random.Random], tuple[list[str], Any]]]:
        """Give functions, by description, that make damaged rows and the correct result."""
        raise NotImplementedError

    def prepare(self) -> None:
        (self.sound / f'sound{self.suffix}').write_text(_text(self.rows()), encoding='utf-8')

    def damage(self, folder: Path, rng: random.Random) -> Case:
        path = folder / f'damaged{self.suffix}'
        text = _text(self.rows())
        kind = rng.choices(('sound', 'bytes', 'encoding', 'rows'), (1, 10, 8, 16))[0]
        if kind == 'sound':
            data, what, right = text.encode(), 'sound', SAME
        elif kind == 'bytes':
            (data, what), right = damage_bytes(text.encode(), rng), ANYTHING
        elif kind == 'encoding':
            what, (encode, right) = rng.choice(list(ENCODINGS.items()))
            data = encode(text)
        else:
            what, way = rng.choice(list(self.ways().items()))
            rows, right = way(rng)
            data = _text(rows).encode()
        path.write_bytes(data)
        return Case(path, what, self.content() if right is SAME else right)


class Lists(Texts):
    """Lists of videos with labels, read by the dataset of training and test."""

    name = 'lists'

    def rows(self) -> list[str]:
        return [f'{video} {label}' for video, label in LIST]

    def content(self) -> Any:
        return LIST

    def ways(self) -> dict[str, Callable[[random.Random], tuple[list[str], Any]]]:
        def each(write: Callable[[str, int], str], right: Any = SAME):
            return lambda rng: ([write(video, label) for video, label in LIST], right)

        def one(write: Callable[[str, int], str], right: Any = NOTHING):
            def way(rng: random.Random) -> tuple[list[str], Any]:
                rows, place = self.rows(), rng.randrange(len(LIST))
                rows[place] = write(*LIST[place])
                return rows, right

            return way

        def shuffled(rng: random.Random) -> tuple[list[str], Any]:
            samples = rng.sample(LIST, rng.randrange(1, len(LIST) + 1))
            return [f'{video} {label}' for video, label in samples], samples

        return {
            'some rows, shuffled': shuffled,
            'a row twice': lambda rng: (self.rows() + self.rows()[:1], [*LIST, LIST[0]]),
            'label first': each(lambda video, label: f'{label} {video}'),
            'tabs': each(lambda video, label: f'{video}\t{label}'),
            'commas': each(lambda video, label: f'{video},{label}'),
            'commas and spaces': each(lambda video, label: f'{video}, {label}'),
            'semicolons': each(lambda video, label: f'{video};{label}'),
            'quotes': each(lambda video, label: f'"{video}" {label}', ANYTHING),
            'many spaces': each(lambda video, label: f'  {video}    {label}  '),
            'labels with leading zeros': each(lambda video, label: f'{video} {label:03d}'),
            'labels as floats': each(lambda video, label: f'{video} {label}.0'),
            'labels from 1': each(lambda video, label: f'{video} {label + 1}', NOTHING),
            'names in place of labels': each(lambda video, label: f'{video} {NAMES[label]}', NOTHING),
            'two labels': each(lambda video, label: f'{video} {label} {label}', ANYTHING),
            'no labels': each(lambda video, label: video, NOTHING),
            'a row without label': one(lambda video, label: video),
            'a row without video': one(lambda video, label: f'{label}'),
            'a negative label': one(lambda video, label: f'{video} -{label + 1}'),
            'a label too high': one(lambda video, label: f'{video} {len(NAMES)}'),
            'a huge label': one(lambda video, label: f'{video} {"9" * 6000}'),
            'a label in other digits': one(lambda video, label: f'{video} \u0661'),
            'a label with underscore': one(lambda video, label: f'{video} 0_0'),
            'a NUL in a row': one(lambda video, label: f'{video}\0 {label}'),
            'a header': lambda rng: (['path label', *self.rows()], SAME),
            'a comment': lambda rng: (['# my list', *self.rows()], SAME),
        }

    def read(self, case: Case) -> Any:
        dataset = ActionVideoDataset(str(case.path), [], label_map=NAMES, split='all', test_mode=True)
        items = [dataset.get_data_info(index) for index in range(len(dataset))]
        return [(item['filename'], item['label']) for item in items]


class AnchorLists(Lists):
    """Lists of irrelevant videos, whose labels are ignored."""

    name = 'anchor_lists'

    def content(self) -> Any:
        return [video for video, _ in LIST]

    def ways(self) -> dict[str, Callable[[random.Random], tuple[list[str], Any]]]:
        ways = super().ways()
        known = ('tabs', 'commas and spaces', 'many spaces', 'labels with leading zeros', 'labels from 1')
        free = {name: _with_right(way, ANYTHING) for name, way in ways.items() if name not in known}
        return free | {name: _with_right(ways[name], SAME) for name in known}

    def read(self, case: Case) -> Any:
        dataset = AnchorVideoDataset(str(case.path), [], test_mode=True)
        return [dataset.get_data_info(index)['filename'] for index in range(len(dataset))]


class LabelMaps(Texts):
    """Label maps with the header ``id,name``."""

    name = 'label_maps'
    suffix = '.csv'

    def rows(self) -> list[str]:
        return _csv_rows(NAMES)

    def content(self) -> Any:
        return NAMES

    def ways(self) -> dict[str, Callable[[random.Random], tuple[list[str], Any]]]:
        rows, numbered = self.rows(), list(enumerate(NAMES))
        first = NAMES[0]

        def other_names(*names: str, right: Any = NOTHING):
            return lambda rng: (_csv_rows([*NAMES, *names]), right)

        def written(write: Callable[[int, str], str], header: str | None = 'id,name', right: Any = SAME):
            lines = [write(label, name) for label, name in numbered]
            return lambda rng: (([] if header is None else [header]) + lines, right)

        def shuffled(rng: random.Random) -> tuple[list[str], Any]:
            return [rows[0], *rng.sample(rows[1:], len(NAMES))], SAME

        return {
            'rows shuffled': shuffled,
            'a row dropped': lambda rng: (_dropped(rows, rng.randrange(1, len(rows) - 1)), NOTHING),
            'the last row dropped': lambda rng: (rows[:-1], NAMES[:-1]),
            'a row twice': lambda rng: ([*rows, rng.choice(rows[1:])], NOTHING),
            'a name twice': other_names(first),
            'a name in capitals, too': other_names(first.upper()),
            'a name with underscores, too': other_names(first.replace(' ', '_')),
            'a name with more spaces, too': other_names(first.replace(' ', '  ')),
            'an empty name': other_names(''),
            'a blank name': other_names('  '),
            'a name with a NUL': other_names('pen\0falling'),
            'ids from 1': written(lambda label, name: f'{label + 1},"{name}"', right=NOTHING),
            'ids as floats': written(lambda label, name: f'{label}.0,"{name}"'),
            'ids with leading zeros': written(lambda label, name: f'{label:02d},"{name}"'),
            'ids in other digits': written(
                lambda label, name: f'{chr(0x661 + label)},"{name}"', right=NOTHING
            ),
            'a huge id': lambda rng: ([*rows, f'{"9" * 6000},more'], NOTHING),
            'header in capitals': written(lambda label, name: f'{label},"{name}"', 'ID, Name'),
            'no header': written(lambda label, name: f'{label},"{name}"', None),
            'name first': written(lambda label, name: f'"{name}",{label}', 'name,id'),
            'name first, under id,name': written(lambda label, name: f'"{name}",{label}'),
            'semicolons': written(lambda label, name: f'{label};{name}', 'id;name'),
            'tabs': written(lambda label, name: f'{label}\t{name}', 'id\tname'),
            'no quotes': written(lambda label, name: f'{label},{name}'),
            'an open quote': written(lambda label, name: f'{label},"{name}', right=ANYTHING),
            'a third column': written(lambda label, name: f'{label},"{name}",{label}'),
            'a comment first': lambda rng: (['# my classes', *rows], SAME),
            'a comment in the middle': lambda rng: ([*rows[:3], '# more', *rows[3:]], SAME),
            'JSON': lambda rng: ([json.dumps(dict(enumerate(NAMES)), indent=1)], SAME),
            'a field of 200 kB': other_names('x' * 200_000, right=ANYTHING),
        }

    def read(self, case: Case) -> Any:
        return read_label_map(case.path)


class NameFiles(LabelMaps):
    """Label maps with one name per line."""

    name = 'name_files'
    suffix = '.txt'

    def rows(self) -> list[str]:
        return list(NAMES)

    def ways(self) -> dict[str, Callable[[random.Random], tuple[list[str], Any]]]:
        rows, numbered = self.rows(), list(enumerate(NAMES))
        first = NAMES[0]

        def more(*names: str, right: Any = NOTHING):
            return lambda rng: ([*rows, *names], right)

        def written(write: Callable[[int, str], str], right: Any = SAME):
            return lambda rng: ([write(label, name) for label, name in numbered], right)

        def shuffled(rng: random.Random) -> tuple[list[str], Any]:
            names = rng.sample(rows, rng.randrange(1, len(rows) + 1))
            return names, tuple(names)

        def in_json(content: Any):
            return lambda rng: (json.dumps(content, indent=1).splitlines(), SAME)

        return {
            'some names, shuffled': shuffled,
            'a name twice': more(first),
            'a name in capitals, too': more(first.upper()),
            'a name with underscores, too': more(first.replace(' ', '_')),
            'a name with more spaces, too': more(first.replace(' ', '  ')),
            'a name with a NUL': more('pen\0falling'),
            'a blank row in the middle': lambda rng: ([*rows[:2], '', *rows[2:]], SAME),
            'UCF101 format': written(lambda label, name: f'{label + 1} {name}'),
            'id first': written(lambda label, name: f'{label} {name}'),
            'id last': written(lambda label, name: f'{name} {label}'),
            'id, comma': written(lambda label, name: f'{label},{name}'),
            'name, comma': written(lambda label, name: f'{name},{label}'),
            'id, tab': written(lambda label, name: f'{label}\t{name}'),
            'name, tab': written(lambda label, name: f'{name}\t{label}'),
            'YAML by id': written(lambda label, name: f'{label}: {name}'),
            'YAML by name': written(lambda label, name: f'{name}: {label}'),
            'YAML list': written(lambda label, name: f'- {name}'),
            'quotes': written(lambda label, name: f'"{name}"'),
            'commas behind names': written(lambda label, name: f'{name},'),
            'JSON list': in_json(NAMES),
            'JSON by id': in_json(dict(enumerate(NAMES))),
            'JSON by name': in_json({name: label for label, name in numbered}),
            'a Python list': lambda rng: ([repr(list(NAMES))], SAME),
            'a comment first': lambda rng: (['# my classes', *rows], SAME),
            'a comment in the middle': lambda rng: ([*rows[:2], '// more', *rows[2:]], ANYTHING),
            'paths and labels': lambda rng: ([f'{video} {label}' for video, label in LIST], NOTHING),
            'HTML': lambda rng: (['<!DOCTYPE html>', '<html><body>404</body></html>'], NOTHING),
        }


class Negatives(NameFiles):
    """Files of negative prompts, in the format of label maps."""

    name = 'negatives'

    def read(self, case: Case) -> Any:
        return tuple(read_negatives(file=str(case.path))[0])


class CoOpSplits(Texts):
    """Split files of CoOp."""

    name = 'coop_splits'
    suffix = '.json'

    def split(self) -> dict[str, Any]:
        """Give the JSON object of the intact file."""
        images = [[f'{label}/{take}.jpg', label, name] for label, name in enumerate(NAMES) for take in (0, 1)]
        return {part: images for part in ('train', 'val', 'test')}

    def rows(self) -> list[str]:
        return json.dumps(self.split(), indent=1).splitlines()

    def content(self) -> Any:
        return NAMES, [(image, label) for image, label, _ in self.split()['train']]

    def ways(self) -> dict[str, Callable[[random.Random], tuple[list[str], Any]]]:
        def with_row(row: Any, right: Any = NOTHING):
            def way(rng: random.Random) -> tuple[list[str], Any]:
                split = json.loads(json.dumps(self.split()))
                rows = split[rng.choice(list(split))]
                rows.insert(rng.randrange(len(rows) + 1), row)
                return json.dumps(split).splitlines(), right

            return way

        def whole(content: Any):
            return lambda rng: (json.dumps(content).splitlines(), NOTHING)

        return {
            'another name': with_row(['x.jpg', 0, 'other']),
            'a name with another label': with_row(['x.jpg', 1, NAMES[0]]),
            'a label with a gap': with_row(['x.jpg', len(NAMES) + 3, 'other']),
            'a name in capitals, too': with_row(['x.jpg', len(NAMES), NAMES[0].upper()]),
            'a label as text': with_row(['x.jpg', '0', NAMES[0]]),
            'a label as float': with_row(['x.jpg', 0.0, NAMES[0]]),
            'a negative label': with_row(['x.jpg', -1, NAMES[0]]),
            'a huge label': with_row(['x.jpg', 10**30, 'other']),
            'true as label': with_row(['x.jpg', True, NAMES[1]]),
            'NaN as label': with_row(['x.jpg', float('nan'), NAMES[1]]),
            'null as name': with_row(['x.jpg', 0, None]),
            'a short row': with_row(['x.jpg', 0]),
            'an object as row': with_row(dict(path='x.jpg')),
            'null as row': with_row(None),
            'a NUL in a path': with_row(['x\0.jpg', 0, NAMES[0]]),
            'half a surrogate in a path': with_row(['\ud800.jpg', 0, NAMES[0]], ANYTHING),
            'a list': whole([]),
            'a number': whole(3),
            'null': whole(None),
            'no subsets': whole({}),
            'null as subset': whole(dict(self.split(), train=None)),
            'an empty subset': whole(dict(self.split(), train=[])),
            'lists in lists': lambda rng: (['[' * 100_000], NOTHING),
            'a huge number': lambda rng: (['9' * 100_000], NOTHING),
        }

    def read(self, case: Case) -> Any:
        return read_coop_split(case.path, 'train')


class OfficialAnnotations(Kind):
    """Official annotation files of datasets, with one damaged file per set."""

    name = 'official_annotations'
    names = ('the annotations',)  # a class without videos is not the fault of a single file

    readers = {'ucf101': read_ucf101, 'kinetics': read_kinetics, 'ssv2': read_ssv2}

    def prepare(self) -> None:
        names = ('ApplyEyeMakeup', 'Archery', 'BabyCrawling')
        videos = [(name, f'v_{name}_g{group:02d}_c01.avi') for name in names for group in (1, 2)]
        rows = [f'{name}/{video}' for name, video in videos]
        self._write('ucf101/classInd.txt', [f'{place} {name}' for place, name in enumerate(names, start=1)])
        self._write('ucf101/trainlist01.txt', [f'{row} {names.index(row.split("/")[0]) + 1}' for row in rows])
        self._write('ucf101/testlist01.txt', [row.replace('_c01', '_c02') for row in rows])
        for part, first in (('train', 0), ('val', 100)):
            header = 'label,youtube_id,time_start,time_end,split'
            rows = [
                f'"{name}",id{first + row},{row},{row + 10},{part}' for row, (name, _) in enumerate(videos)
            ]
            self._write(f'kinetics/{part}.csv', [header, *rows])
        self._write('ssv2/labels.json', [json.dumps({name: str(label) for label, name in enumerate(names)})])
        for part, first in (('train', 0), ('validation', 100)):
            entries = [dict(id=first + row, template=f'[{name}]') for row, (name, _) in enumerate(videos)]
            self._write(f'ssv2/{part}.json', [json.dumps(entries)])

    def damage(self, folder: Path, rng: random.Random) -> Case:
        source = rng.choice(self.sound_files())
        damaged = rng.choice(sorted(source.iterdir()))
        target = folder / source.name
        target.mkdir()
        for path in source.iterdir():
            (target / path.name).write_bytes(path.read_bytes())
        text = damaged.read_text(encoding='utf-8')
        if rng.random() < 0.5:
            data, what = damage_bytes(text.encode(), rng)
        else:
            what, (encode, _) = rng.choice(list(ENCODINGS.items()))
            data = encode(text)
        (target / damaged.name).write_bytes(data)
        return Case(target, f'{source.name}/{damaged.name}: {what}')

    def read(self, case: Case) -> Any:
        return self.readers[case.path.name](case.path)

    def _write(self, name: str, rows: list[str]) -> None:
        path = self.sound / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(rows), encoding='utf-8')


def _text(rows: list[str]) -> str:
    return ''.join(f'{row}\n' for row in rows)


def _csv_rows(names: list[str] | tuple[str, ...]) -> list[str]:
    return ['id,name', *(f'{label},"{name}"' for label, name in enumerate(names))]


def _dropped(rows: list[str], place: int) -> list[str]:
    return rows[:place] + rows[place + 1 :]


def _with_right(way: Callable, right: Any) -> Callable:
    return lambda rng: (way(rng)[0], right)
