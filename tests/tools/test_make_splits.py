"""Lists made from official annotations.

``tests/data/published_partitions.csv`` holds facts about UCF101 and HMDB51: the number of videos of each
class in the official training list of split 1 (9,537 and 3,570 in all), and the half and label that the class
has in the base-to-novel lists of ViFi-CLIP.
"""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config

from ga2mm.apis import check_train_config
from ga2mm.datasets import read_annotation, read_label_map
from tests.helpers import running
from tests.helpers.lists import write_lines

with (running.DATA / 'published_partitions.csv').open(encoding='utf-8') as file:
    PUBLISHED = list(csv.DictReader(file))
HMDB51_CLASSES = sorted(row['class'] for row in PUBLISHED if row['dataset'] == 'hmdb51')
FEW = ['--shots', 2, 4, '--holdout', 2]


# Official annotations


def write_ucf101(folder: Path, counts: dict[str, int], split: int = 1, shuffled: int | None = None) -> Path:
    """UCF101's files: groups of 4 clips, training from group 8 on, 2 test videos a class."""
    names = sorted(counts, key=str.lower)
    train = [
        f'{name}/v_{name}_g{8 + i // 4:02d}_c{i % 4 + 1:02d}.avi {names.index(name) + 1}'
        for name in names
        for i in range(counts[name])
    ]
    test = [f'{name}/v_{name}_g01_c{i:02d}.avi' for name in names for i in (1, 2)]
    if shuffled is not None:
        random.Random(shuffled).shuffle(train)
        random.Random(shuffled).shuffle(test)
    write_lines(folder / 'classInd.txt', [f'{i} {name}' for i, name in enumerate(names, start=1)])
    write_lines(folder / f'trainlist{split:02d}.txt', train)
    write_lines(folder / f'testlist{split:02d}.txt', test)
    return folder


def write_hmdb51(folder: Path, train_videos: int = 20) -> Path:
    for name in HMDB51_CLASSES:
        parts = ['1'] * train_videos + ['2', '2', '0']
        rows = [f'film_{i // 2}_{name}_f_cm_np1_fr_med_{i}.avi {part} ' for i, part in enumerate(parts)]
        write_lines(folder / f'{name}_test_split1.txt', rows)
    return folder


def write_ssv2(folder: Path) -> Path:
    templates = [
        'Pushing [something] so that it slips',
        'Folding [something]',
        'Moving [part] of [something]',
    ]
    names = sorted(template.replace('[', '').replace(']', '') for template in templates)
    folder.mkdir(parents=True)
    (folder / 'labels.json').write_text(json.dumps({name: str(i) for i, name in enumerate(names)}))
    for part, number, start in (('train', 20, 0), ('validation', 2, 1000)):
        videos = [
            dict(id=str(start + 100 * k + i), label='pushing a cup', template=template, placeholders=['cup'])
            for k, template in enumerate(templates)
            for i in range(number)
        ]
        (folder / f'something-something-v2-{part}.json').write_text(json.dumps(videos))
    return folder


def write_kinetics(folder: Path, names: list[str]) -> Path:
    for part, number in (('train', 7), ('val', 1)):
        rows = [
            f'"{name}",{part}-{k:03d}{i:05d},{i},{i + 10},{part}'
            for k, name in enumerate(names)
            for i in range(number)
        ]
        write_lines(folder / f'{part}.csv', ['label,youtube_id,time_start,time_end,split', *rows])
    return folder


def make_splits(*args) -> None:
    running.tool('data/make_splits.py', *args)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*.*')}


def videos_of(path: Path) -> set[str]:
    return {video for video, _ in read_annotation(path)}


def shots_of(path: Path) -> Counter:
    return Counter(label for _, label in read_annotation(path))


@pytest.fixture(scope='module')
def made(tmp_path_factory) -> Path:
    """A folder with ``data`` made for every dataset, from official files of a few videos."""
    folder = tmp_path_factory.mktemp('made')
    official, data = folder / 'official', folder / 'data'
    counts = {name: 20 + i for i, name in enumerate(['Archery', 'Biking', 'Diving', 'TaiChi', 'YoYo'])}
    old = ['abseiling', 'playing american football', 'yoga']
    new = [f'new action {i:03d}' for i in range(170)]
    make_splits('ucf101', '--annotations', write_ucf101(official / 'ucf', counts), '--out', data / 'ucf101')
    make_splits('hmdb51', '--annotations', write_hmdb51(official / 'hmdb'), '--out', data / 'hmdb51')
    make_splits('ssv2', '--annotations', write_ssv2(official / 'ssv2'), '--out', data / 'sthv2')
    k400, k600 = write_kinetics(official / 'k400', old), write_kinetics(official / 'k600', [*old, *new])
    renamed = (k600 / 'train.csv').read_text().replace('american', 'American')
    (k600 / 'train.csv').write_text(renamed)
    (k600 / 'val.csv').write_text((k600 / 'val.csv').read_text().replace('american', 'American'))
    few = ['--shots', 1, 2, '--holdout', 2]
    make_splits('k400', '--annotations', k400, '--out', data / 'kinetics400', *few)
    labels = data / 'kinetics400' / 'labels' / 'kinetics_400_labels.csv'
    make_splits('k600', '--annotations', k600, '--out', data / 'kinetics600', '--k400-labels', labels, *few)
    return folder


# Making lists


def published(dataset: str, half: str) -> list[str]:
    """Names of the classes in the order of their labels."""
    rows = [row for row in PUBLISHED if (row['dataset'], row['half']) == (dataset, half)]
    return [row['class'].replace('_', ' ') for row in sorted(rows, key=lambda row: int(row['label']))]


def test_ucf101_has_the_published_partition(tmp_path):
    counts = {row['class']: int(row['train_videos']) for row in PUBLISHED if row['dataset'] == 'ucf101'}
    assert sum(counts.values()) == 9537
    make_splits('ucf101', '--annotations', write_ucf101(tmp_path, counts), '--out', tmp_path / 'out')
    for half, number in (('base', 51), ('novel', 50)):
        names = read_label_map(tmp_path / 'out' / 'labels' / f'ucf_101_{half}_labels.csv')
        assert list(names) == published('ucf101', half) and len(names) == number
    assert shots_of(tmp_path / 'out' / 'base2novel' / 'base_train.txt')[0] == counts['Typing'] == 93


def test_hmdb51_has_the_published_partition(made):
    folder = made / 'data' / 'hmdb51'
    for half, number in (('base', 26), ('novel', 25)):
        names = read_label_map(folder / 'labels' / f'hmdb_51_{half}_labels.csv')
        assert list(names) == published('hmdb51', half) and len(names) == number
    # A class has the videos of the file with its name: 'sword exercise' is not 'sword'.
    for video, label in read_annotation(folder / 'base2novel' / 'base_train.txt'):
        assert f'_{HMDB51_CLASSES[25 + label]}_f_cm_' in video
    assert len(read_annotation(folder / 'few_shot' / 'val1.txt')) == 2 * 51


@pytest.mark.parametrize(
    'name',
    ['ucf101_base2novel', 'ucf101_fewshot', 'hmdb51_base2novel', 'hmdb51_fewshot', 'ssv2_base2novel']
    + ['ssv2_fewshot', 'k600_source'],
)
def test_configs_find_every_list(made, monkeypatch, name):
    monkeypatch.chdir(made)
    assert check_train_config(Config.fromfile(running.CONFIGS / f'{name}.py')) == []


@pytest.mark.parametrize(('protocol', 'shots'), [('base2novel', 's1_train'), ('fewshot', '16')])
def test_configs_of_kinetics400_find_every_list(made, monkeypatch, protocol, shots):
    monkeypatch.chdir(made)
    cfg = Config.fromfile(running.CONFIGS / f'k400_{protocol}.py')
    dataset = cfg.train_dataloader.dataset.dataset
    # This tiny Kinetics has fewer than 16 videos per class.
    dataset.ann_file = dataset.ann_file.replace('train.txt', 'train_2.txt').replace('_16', '_2')
    assert check_train_config(cfg) == []


def test_shots_seeds_and_held_out_videos(made):
    folder = made / 'data' / 'ucf101'
    held_out = videos_of(folder / 'base2novel' / 'base_holdout.txt')
    assert shots_of(folder / 'base2novel' / 'base_holdout.txt') == {0: 4, 1: 4, 2: 4}
    lists = {
        *folder.glob('few_shot/train1_few_shot_*.txt'),
        *folder.glob('base2novel/fs_base_s*_train*.txt'),
    }
    assert len(lists) == 2 * 4 * 3
    groups = {video[:-8] for video in held_out}
    for path in lists:
        [shots] = set(shots_of(path).values())
        assert path.name.endswith((f'_{shots}.txt', f'_{shots}_s2.txt', f'_{shots}_s3.txt')) or shots == 16
        assert not groups & {video[:-8] for video in videos_of(path)}
    assert held_out < videos_of(folder / 'base2novel' / 'base_train.txt')
    one, two = (videos_of(folder / 'base2novel' / f'fs_base_s{seed}_train_4.txt') for seed in (1, 2))
    assert one != two
    assert one < videos_of(folder / 'base2novel' / 'fs_base_s1_train.txt')


def test_same_seed_gives_same_lists_whatever_the_order_of_the_annotations(tmp_path):
    counts = dict(Archery=12, Biking=13, Diving=14)
    for order in (0, 1):
        official = write_ucf101(tmp_path / f'official{order}', counts, shuffled=order)
        make_splits('ucf101', '--annotations', official, '--out', tmp_path / f'out{order}', *FEW)
    assert files(tmp_path / 'out0') == files(tmp_path / 'out1')
    make_splits('ucf101', '--annotations', official, '--out', tmp_path / 'later', *FEW, '--seeds', 7)
    name = 'base2novel/base_holdout.txt'
    assert (tmp_path / 'later' / name).read_bytes() == (tmp_path / 'out0' / name).read_bytes()


def test_other_official_splits_add_few_shot_lists_alone(tmp_path):
    official = write_ucf101(tmp_path / 'official', dict(Archery=12, Biking=13), split=3)
    make_splits('ucf101', '--annotations', official, '--out', tmp_path / 'out', '--split', 3, '--shots', 2)
    assert sorted(files(tmp_path / 'out')) == [
        'few_shot/train3_few_shot_2.txt',
        'few_shot/train3_few_shot_2_s2.txt',
        'few_shot/train3_few_shot_2_s3.txt',
        'few_shot/val3.txt',
        'labels/ucf_101_labels.csv',
    ]


def test_readable_names_and_class_folders(tmp_path):
    official = write_ucf101(tmp_path / 'official', dict(ApplyEyeMakeup=9, TaiChi=9))
    options = ['--split-camel-case', '--file-name', '{label}/{video}', *FEW]
    make_splits('ucf101', '--annotations', official, '--out', tmp_path / 'out', *options)
    assert read_label_map(tmp_path / 'out' / 'labels' / 'ucf_101_labels.csv') == (
        'Apply Eye Makeup',
        'Tai Chi',
    )
    assert 'TaiChi/v_TaiChi_g01_c01.avi' in videos_of(tmp_path / 'out' / 'few_shot' / 'val1.txt')


def test_partition_from_class_files(tmp_path):
    official = write_ucf101(tmp_path / 'official', dict(Archery=9, Biking=10, TaiChi=11))
    (tmp_path / 'base.csv').write_text('id,name\n0,tai chi\n1,archery\n')
    (tmp_path / 'novel.txt').write_text('Biking\n')
    partition = ['--base-classes', tmp_path / 'base.csv', '--novel-classes', tmp_path / 'novel.txt']
    make_splits('ucf101', '--annotations', official, '--out', tmp_path / 'out', *partition, *FEW)
    labels = tmp_path / 'out' / 'labels'
    assert read_label_map(labels / 'ucf_101_base_labels.csv') == ('TaiChi', 'Archery')
    assert read_label_map(labels / 'ucf_101_novel_labels.csv') == ('Biking',)


def test_ssv2_names_are_templates_without_brackets(made):
    names = read_label_map(made / 'data' / 'sthv2' / 'labels' / 'ssv2_labels.csv')
    assert names == ('Folding something', 'Moving part of something', 'Pushing something so that it slips')
    test = dict(read_annotation(made / 'data' / 'sthv2' / 'few_shot' / 'val1.txt'))
    assert test['1000.webm'] == 2 and test['1200.webm'] == 1


def test_kinetics_paths_and_anchors(made):
    folder = made / 'data' / 'kinetics400'
    test = dict(read_annotation(folder / 'few_shot' / 'val1.txt'))
    assert test['val-00200000_000000_000010.mp4'] == 2
    assert shots_of(folder / 'annotations' / 'anchors.txt') == {0: 2, 1: 2, 2: 2}


def test_kinetics_leaves_out_videos_that_are_not_there(made, tmp_path, capsys):
    for i in range(6):
        for k in range(3):
            (tmp_path / f'train-{k:03d}{i:05d}.mp4').touch()
    options = ['--file-name', '{youtube_id}.mp4', '--videos', tmp_path, '--shots', 2, '--holdout', 2]
    official = made / 'official' / 'k400'
    make_splits('k400', '--annotations', official, '--out', tmp_path / 'out', *options)
    assert '3 training and 3 test videos are missing' in capsys.readouterr().out
    listed = videos_of(tmp_path / 'out' / 'base2novel' / 'base_train.txt')
    assert len(listed) == 2 * 6 and all((tmp_path / video).exists() for video in listed)


def test_a_wrong_folder_of_videos_is_named(made, tmp_path):
    options = ['--videos', tmp_path / 'nowhere', '--shots', 2, '--holdout', 2]
    with pytest.raises(SystemExit, match='^error: --videos .*nowhere: no such folder'):
        make_splits('k400', '--annotations', made / 'official' / 'k400', '--out', tmp_path / 'out', *options)


def write_jhmdb(folder: Path, names: list[str], clips: int = 20) -> Path:
    """Empty clips with the names of :func:`write_hmdb51`, as JHMDB spells them, beside JHMDB's own lists."""
    for name in names:
        for i in range(clips):
            path = folder / 'ReCompress_Videos' / name / f'film_{i // 2}_{name}_f_cm_np1_fr_med_{i}.mp4'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        write_lines(folder / 'splits' / f'{name}_test_split1.txt', ['film_0_x_0.avi 1'])
    return folder


def test_jhmdb_is_the_part_of_hmdb51_that_is_there(tmp_path, capsys):
    classes = ['pour', 'clap', 'sit', 'pick', 'wave']  # three base classes, two novel ones
    folder = write_jhmdb(tmp_path / 'jhmdb', classes, clips=24)
    official = write_hmdb51(folder / 'testTrainMulti_7030_splits')
    first = official / 'clap_test_split1.txt'
    first.write_text(first.read_text().replace('film_0', '#film&0', 1))
    (folder / 'ReCompress_Videos/clap/film_0_clap_f_cm_np1_fr_med_0.mp4').rename(
        folder / 'ReCompress_Videos/clap/@film@0_clap_f_cm_np1_fr_med_0.mp4'
    )
    words = ['jhmdb', '--annotations', folder, '--videos', folder, *FEW]
    make_splits(*words, '--out', tmp_path / 'out')
    # Of the 24 clips of a class HMDB51 has 20 for training, 2 for the test and one for neither.
    assert '120 clips of 5 classes, 10 of them in no list' in capsys.readouterr().out
    labels = tmp_path / 'out' / 'labels'
    assert read_label_map(labels / 'jhmdb_labels.csv') == ('clap', 'pick', 'pour', 'sit', 'wave')
    base, novel = (read_label_map(labels / f'jhmdb_{half}_labels.csv') for half in ('base', 'novel'))
    assert list(base) == [name for name in published('hmdb51', 'base') if name in classes]
    assert list(novel) == [name for name in published('hmdb51', 'novel') if name in classes]
    train = dict(read_annotation(tmp_path / 'out' / 'base2novel' / 'base_train.txt'))
    assert len(train) == 3 * 20 and all((folder / video).is_file() for video in train)
    anchors = {video for video, _ in read_annotation(tmp_path / 'out' / 'few_shot' / 'train1_few_shot_4.txt')}
    assert len(anchors) == 5 * 4

    make_splits(*words, '--out', tmp_path / 'less', '--leave-out', 'Pick', 'sit')
    assert read_label_map(tmp_path / 'less' / 'labels' / 'jhmdb_labels.csv') == ('clap', 'pour', 'wave')
    with pytest.raises(SystemExit, match="--leave-out 'drink' is not a class of JHMDB: clap, pick, pour"):
        make_splits(*words, '--out', tmp_path / 'no', '--leave-out', 'drink')
    (folder / 'ReCompress_Videos/clap/@film@0_clap_f_cm_np1_fr_med_0.avi').touch()
    with pytest.raises(SystemExit, match='_0.avi and .*_0.mp4 are the same clip; remove one of them'):
        make_splits(*words, '--out', tmp_path / 'no')
    with pytest.raises(SystemExit, match='official: no clip of HMDB51 is in a folder CLASS/'):
        (tmp_path / 'official').mkdir()
        make_splits(*words[:3], '--videos', tmp_path / 'official', '--out', tmp_path / 'no')
    with pytest.raises(SystemExit, match='named CLASS_test_split1.txt; put HMDB51'):
        make_splits('jhmdb', '--annotations', tmp_path / 'official', *words[3:], '--out', tmp_path / 'no')


def test_kinetics600_classes_that_are_not_in_kinetics400(made):
    folder = made / 'data' / 'kinetics600'
    names = read_label_map(folder / 'labels' / 'not_in_kinetics400.csv')
    assert names == tuple(f'new action {i:03d}' for i in range(100))
    assert shots_of(folder / 'annotations' / 'not_in_kinetics400.txt') == {label: 2 for label in range(100)}
    draws = [read_label_map(folder / 'labels' / f'zero_shot_split{number}.csv') for number in (1, 2, 3)]
    assert len(set(draws)) == 3
    for number, draw in enumerate(draws, start=1):
        assert len(draw) == 160 and all(name.startswith('new action') for name in draw)
        for video, label in read_annotation(folder / 'zero_shot' / f'split{number}.txt'):
            class_number = 3 + int(draw[label].removeprefix('new action '))
            assert video.startswith(f'val-{class_number:03d}')


def test_zero_shot_classes_from_files(made, tmp_path):
    (tmp_path / 'first.txt').write_text('new action 007\nYoga\n')
    options = ['--k400-labels', made / 'data' / 'kinetics400' / 'labels' / 'kinetics_400_labels.csv']
    options += ['--zero-shot-classes', tmp_path / 'first.txt', '--shots', 1, '--seeds', 1]
    make_splits('k600', '--annotations', made / 'official' / 'k600', '--out', tmp_path / 'out', *options)
    assert read_label_map(tmp_path / 'out' / 'labels' / 'zero_shot_split1.csv') == ('new action 007', 'yoga')
    assert [path.name for path in (tmp_path / 'out' / 'zero_shot').iterdir()] == ['split1.txt']


def test_too_few_new_classes_are_named(tmp_path):
    official = write_kinetics(tmp_path / 'official', ['run', 'yoga', 'jump'])
    (tmp_path / 'k400.csv').write_text('id,name\n0,Run\n')
    options = ['--out', tmp_path / 'out', '--k400-labels', tmp_path / 'k400.csv', *FEW]
    with pytest.raises(SystemExit, match='only 2 classes are not in .*k400.csv, a zero-shot split has 160'):
        make_splits('k600', '--annotations', official, *options)


def test_own_lists_are_named_after_their_folder(made, tmp_path):
    source = made / 'data' / 'ucf101'
    arguments = {
        '--train': source / 'base2novel' / 'base_train.txt',
        '--test': source / 'base2novel' / 'base_val.txt',
        '--label-map': source / 'labels' / 'ucf_101_base_labels.csv',
        '--out': tmp_path / 'mine',
    }
    make_splits('lists', *(word for pair in arguments.items() for word in pair), *FEW)
    assert read_label_map(tmp_path / 'mine' / 'labels' / 'mine_base_labels.csv') == ('TaiChi', 'YoYo')
    assert read_label_map(tmp_path / 'mine' / 'labels' / 'mine_novel_labels.csv') == ('Diving',)


def replace_in(name: str, old: str, new: str):
    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return edit


@pytest.mark.parametrize(
    ('edit', 'options', 'message'),
    [
        (None, ['--shots', 16], "class 'Archery' has 8 training videos for 16 shots"),
        (None, ['--shots', 8, '--holdout', 5], "class 'Archery' has 4 training videos for 8 shots"),
        (
            None,
            ['--file-name', '{id}.mp4'],
            r"file name '\{id\}.mp4': use only the fields \{label\}, \{video\}",
        ),
        (None, ['--file-name', 'video.avi'], "the annotations list the file 'video.avi' twice"),
        (None, ['--split', 2], 'trainlist02.txt'),
        (
            replace_in('classInd.txt', '2 Bik', '3 Bik'),
            [],
            "classInd.txt, row 2: '3 Biking' is not '2 NAME'",
        ),
        (
            replace_in('classInd.txt', '2 Biking', '2 archery'),
            [],
            "row 2: class name 'archery' is already",
        ),
        (
            replace_in('trainlist01.txt', 'c01.avi 1', 'c01.avi 2'),
            [],
            "trainlist01.txt, row 1: '.*c01.avi 2', but 'Archery' is class 1 in classInd.txt",
        ),
        (
            replace_in('trainlist01.txt', 'Archery/', ''),
            [],
            "trainlist01.txt, row 1: .* is not 'CLASS/VIDEO'",
        ),
        (replace_in('testlist01.txt', 'Biking/', 'Bike/'), [], 'testlist01.txt, row 3: '),
        (replace_in('trainlist01.txt', 'g08', 'g01'), [], "list the file 'v_Archery_g01_c01.avi' twice"),
        (replace_in('classInd.txt', '2 Biking', '2 Biking\n3 Diving'), [], "class 'Diving' has no training"),
    ],
)
def test_broken_official_annotations_are_named(tmp_path, edit, options, message):
    folder = write_ucf101(tmp_path / 'official', dict(Archery=12, Biking=9))
    if edit is not None:
        edit(folder)
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        make_splits('ucf101', '--annotations', folder, '--out', tmp_path / 'out', *FEW, *options)


@pytest.mark.parametrize(
    ('base', 'novel', 'message'),
    [
        ('Archery', 'Biking\nSwimming', "novel.txt: 'Swimming' is not a class of the annotations"),
        ('Archery\nBiking', 'Biking', "class 'Biking' is in both .*base.txt and .*novel.txt"),
        ('Archery', 'Diving', "class 'Biking' is neither in .*base.txt nor in .*novel.txt"),
    ],
)
def test_broken_class_files_are_named(tmp_path, base, novel, message):
    folder = write_ucf101(tmp_path / 'official', dict(Archery=9, Biking=9, Diving=9))
    (tmp_path / 'base.txt').write_text(base)
    (tmp_path / 'novel.txt').write_text(novel)
    partition = ['--base-classes', tmp_path / 'base.txt', '--novel-classes', tmp_path / 'novel.txt']
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        make_splits('ucf101', '--annotations', folder, '--out', tmp_path / 'out', *FEW, *partition)


@pytest.mark.parametrize(
    ('dataset', 'name', 'old', 'new', 'message'),
    [
        ('hmdb51', 'hit_test_split1.txt', '.avi 1', '.avi 3', 'hit_test_split1.txt, row 1: '),
        (
            'ssv2',
            'something-something-v2-train.json',
            'Folding',
            'Fooding',
            "entry 20: 'Fooding something' is",
        ),
        (
            'ssv2',
            'something-something-v2-train.json',
            '"id"',
            '"no"',
            "entry 0: 'id' or 'template' is missing",
        ),
        (
            'ssv2',
            'something-something-v2-train.json',
            '[',
            '',
            'something-something-v2-train.json is not a JSON',
        ),
        ('ssv2', 'labels.json', '"2"', '"3"', 'labels.json: the labels of the 3 classes are not 0, 1, 2'),
        (
            'k400',
            'train.csv',
            'youtube_id',
            'video',
            'train.csv, row 2: a row needs the columns label, youtube_id',
        ),
        ('k400', 'train.csv', ',0,10,', ',0,,', 'train.csv, row 2: a row needs the columns'),
        ('k400', 'train.csv', ',0,10,', ',inf,10,', 'train.csv, row 2: a row needs the columns'),
        ('k400', 'train.csv', '"yoga"', '"yoga', 'train.csv, row 2: .*check the double quotes'),
        ('k400', 'train.csv', '"yoga"', '"Run"', "class name '[rR]un' is already"),
        ('k400', 'val.csv', 'yoga', 'yo\0ga', r"val.csv, row 2: the character '\\x00'"),
        (
            'ssv2',
            'labels.json',
            '"1"',
            '"1", "Folding something": "2"',
            "the key 'Folding something' is listed twice",
        ),
        (
            'ssv2',
            'labels.json',
            '{',
            '[' * 100_000 + '{',
            'labels.json is not a JSON file .nested too deeply',
        ),
        ('k400', 'val.csv', '"yoga"', '"yoda"', "val.csv: class 'yoda' is not in the training list"),
    ],
)
def test_broken_rows_are_named(tmp_path, dataset, name, old, new, message):
    write = dict(
        hmdb51=write_hmdb51, ssv2=write_ssv2, k400=lambda path: write_kinetics(path, ['yoga', 'run'])
    )
    folder = write[dataset](tmp_path / 'official')
    replace_in(name, old, new)(folder)
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        make_splits(dataset, '--annotations', folder, '--out', tmp_path / 'out', *FEW)
