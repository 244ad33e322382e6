import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import BaseModel
from mmengine.registry import TRANSFORMS, init_default_scope
from mmengine.runner import Runner

from ga2mm.anchors import AnchorVideoDataset
from ga2mm.datasets import (
    ActionVideoDataset,
    OpenVideo,
    UnreadableVideoError,
    read_annotation,
    read_label_map,
    read_video_list,
)
from ga2mm.engine import UnreadableVideosHook
from ga2mm.engine.unreadable_test_videos import UnreadableTestVideos
from ga2mm.registry import DATASETS
from ga2mm.structures import get_gt_label
from ga2mm.utils import one_line_errors
from tests.helpers import running
from tests.helpers.videos import FRAMES, make_pipeline, read_all, write_video

CLASSES = ['jump', 'run', 'swim']
UNREADABLE = ['missing.mp4', 'empty.mp4', 'truncated.mp4', 'garbled.mp4', 'text.mp4', 'absurd.mp4']
DATA = running.DATA


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('ga2mm')


@pytest.fixture(scope='session')
def videos(tmp_path_factory) -> Path:
    """A folder of readable and unreadable videos of 64 x 48 pixels."""
    folder = tmp_path_factory.mktemp('videos')
    for number in range(3):
        write_video(folder / f'good {number}.mp4', 'mp4v', seed=number)
    write_video(folder / 'good.avi', 'MJPG', seed=3)
    content = (folder / 'good 0.mp4').read_bytes()
    size = len(content)
    noise = np.random.default_rng(0).bytes(size)
    (folder / 'empty.mp4').write_bytes(b'')
    (folder / 'truncated.mp4').write_bytes(content[: size // 2])
    (folder / 'garbled.mp4').write_bytes(
        content[: size // 4] + noise[: size // 2] + content[size // 4 + size // 2 :]
    )
    (folder / 'text.mp4').write_text('404 not found')
    # Its header claims 7 thousand million frames, for which decord ends the process.
    shutil.copy(DATA / 'videos' / '0113_box_g_h264_fast.mp4', folder / 'absurd.mp4')
    shutil.copy(DATA / 'videos' / 'noise.avi', folder / 'damaged.avi')
    return folder


def make_dataset(videos: Path, lines: list[str], tmp_path: Path, **arguments) -> ActionVideoDataset:
    ann_file = tmp_path / 'list.txt'
    ann_file.write_text('\n'.join(lines))
    config = dict(
        type='ActionVideoDataset',
        ann_file=str(ann_file),
        pipeline=make_pipeline(),
        label_map=CLASSES,
        split='base',
        data_prefix=dict(video=str(videos)),
    )
    return DATASETS.build(config | arguments)


# Decoding


@pytest.mark.parametrize('name', ['good 0.mp4', 'good.avi'])
def test_clip_of_a_real_video_has_the_right_form(videos, tmp_path, name):
    pipeline = make_pipeline(clip_len=16)
    dataset = make_dataset(videos, [f'{name} 2'], tmp_path, pipeline=pipeline)
    item = dataset[0]
    assert item['inputs'].dtype == torch.uint8
    assert item['inputs'].shape == (1, 3, 16, 32, 32)
    assert item['inputs'].float().mean() > 90
    sample = item['data_samples']
    assert get_gt_label(sample).tolist() == [2]
    assert sample.filename == str(videos / name)
    assert (sample.readable, sample.unreadable, sample.is_anchor) == (True, (), False)


def test_kept_frames_are_those_of_the_file(videos, tmp_path):
    """Also when they are asked for a second time and the file is gone."""
    path = Path(shutil.copy(videos / 'good 0.mp4', tmp_path))

    def frames(open_video: OpenVideo) -> np.ndarray:
        results = open_video(dict(filename=str(path), start_index=0))
        results['frame_inds'] = np.array([0, 3, 5, 3])
        return np.stack(TRANSFORMS.build(dict(type='DecodeFrames'))(results)['imgs'])

    expected = frames(OpenVideo())
    assert (expected[0] != expected[1]).any()
    keeping = OpenVideo(keep_frames=True)
    assert (frames(keeping) == expected).all()
    path.unlink()
    assert (frames(keeping) == expected).all()
    with pytest.raises(UnreadableVideoError, match='no such file'):
        frames(OpenVideo(keep_frames=True))


def test_reader_is_opened_by_path_and_freed_after_decoding(videos):
    results = OpenVideo()(dict(filename=str(videos / 'good 0.mp4'), start_index=0))
    assert (results['total_frames'], results['avg_fps']) == (FRAMES, 10)
    results['frame_inds'] = np.array([3, 5])
    results = TRANSFORMS.build(dict(type='DecodeFrames'))(results)
    assert results['video_reader'] is None
    capture = cv2.VideoCapture(str(videos / 'good 0.mp4'))
    frames = [capture.read()[1][..., ::-1].astype(int) for _ in range(6)]
    for image, frame in zip(results['imgs'], (frames[3], frames[5]), strict=True):
        assert abs(image - frame).mean() < 3  # another conversion of colours, another rounding


def test_mmactions_transforms_take_the_place_of_ours(videos, tmp_path):
    lines = ['good 0.mp4 0', 'good 1.mp4 1']
    pipeline = make_pipeline()
    pipeline[1]['test_mode'] = True
    ours = make_dataset(videos, lines, tmp_path, pipeline=pipeline)
    with_decord = [dict(type='DecordInit'), pipeline[1], dict(type='DecordDecode'), *pipeline[3:]]
    theirs = make_dataset(videos, lines, tmp_path, pipeline=with_decord)
    for index in range(2):
        difference = ours[index]['inputs'].float() - theirs[index]['inputs'].float()
        assert difference.abs().max() <= 2  # their colour conversions round differently
        assert ours[index]['inputs'].float().std() > 10


@pytest.mark.parametrize('name', UNREADABLE)
def test_unreadable_video_raises_one_kind_of_error(videos, tmp_path, name):
    dataset = make_dataset(videos, [f'{name} 0'], tmp_path, on_unreadable='fail')
    with pytest.raises(UnreadableVideoError) as caught:
        dataset[0]
    assert caught.value.path == str(videos / name)
    assert caught.value.reason
    assert '\n' not in str(caught.value)
    assert 'video_reader.cc' not in str(caught.value)


def test_import_loads_no_decoder():
    code = (
        'import sys, ga2mm.datasets, ga2mm.anchors, ga2mm.evaluation, ga2mm.engine; '
        "sys.exit('decord' in sys.modules)"
    )
    subprocess.run([sys.executable, '-c', code], check=True)


# Unreadable videos in a dataset


@pytest.mark.parametrize('num_workers', [0, 2])
def test_training_goes_on_with_other_videos(videos, tmp_path, num_workers):
    lines = [
        'good 0.mp4 0',
        'garbled.mp4 0',
        'missing.mp4 1',
        'good 1.mp4 1',
        'empty.mp4 1',
        'good 2.mp4 0',
        'truncated.mp4 2',
    ]
    dataset = make_dataset(videos, lines, tmp_path)
    items = read_all(dataset, num_workers)
    samples = [item['data_samples'] for item in items]
    found = [
        (Path(sample.filename).name, get_gt_label(sample).item(), len(sample.unreadable))
        for sample in samples
    ]
    assert found == [
        ('good 0.mp4', 0, 0),
        ('good 2.mp4', 0, 1),
        ('good 1.mp4', 1, 1),
        ('good 1.mp4', 1, 0),
        ('good 1.mp4', 1, 2),  # past the missing one, in a circle
        ('good 2.mp4', 0, 0),
        ('good 0.mp4', 0, 1),  # no other video of its class
    ]
    assert all(sample.readable for sample in samples)
    assert samples[2].unreadable == (f'{videos}/missing.mp4: no such file',)
    assert samples[4].unreadable == (
        f'{videos}/empty.mp4: the file is empty',
        f'{videos}/missing.mp4: no such file',
    )
    assert samples[1].unreadable == (f'{videos}/garbled.mp4: damaged, 2 of 24 frames are left',)
    assert samples[6].unreadable[0].startswith(f'{videos}/truncated.mp4: cannot be opened (')
    assert all(item['inputs'].float().mean() > 90 for item in items)


def test_training_fails_if_no_video_is_readable(videos, tmp_path):
    dataset = make_dataset(videos, [f'{name} 0' for name in UNREADABLE], tmp_path)
    with pytest.raises(ValueError, match='list.txt: none of the 6 videos can be read.*data_prefix'):
        dataset[2]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_testing_puts_black_frames_in_place(videos, tmp_path, num_workers):
    lines = ['good 0.mp4 0', *(f'{name} 1' for name in UNREADABLE), 'good 1.mp4 2']
    pipeline = make_pipeline(clip_len=8)
    pipeline[1].update(num_clips=2, test_mode=True)
    dataset = make_dataset(videos, lines, tmp_path, pipeline=pipeline, test_mode=True)
    items = read_all(dataset, num_workers)
    assert [item['data_samples'].readable for item in items] == [True, *[False] * 6, True]
    assert [get_gt_label(item['data_samples']).item() for item in items] == [0, *[1] * 6, 2]
    for name, item in zip(UNREADABLE, items[1:7], strict=True):
        assert item['inputs'].shape == (2, 3, 8, 32, 32)
        assert not item['inputs'].any()
        [text] = item['data_samples'].unreadable
        assert text.startswith(f'{videos / name}: ')


@pytest.mark.parametrize(
    'sampling',
    [
        dict(type='SampleFrames', clip_len=4, frame_interval=2, num_clips=3, test_mode=True),
        dict(type='DenseSampleFrames', clip_len=4, frame_interval=2, num_clips=3, test_mode=True),
    ],
)
def test_black_frames_fit_every_way_of_sampling(videos, tmp_path, sampling):
    pipeline = make_pipeline()
    pipeline[1] = sampling
    dataset = make_dataset(
        videos, ['good 0.mp4 0', 'empty.mp4 0'], tmp_path, pipeline=pipeline, test_mode=True
    )
    assert dataset[1]['inputs'].shape == dataset[0]['inputs'].shape


@pytest.mark.parametrize('num_workers', [0, 2])
@pytest.mark.parametrize('test_mode', [False, True])
def test_fail_stops_at_the_first_unreadable_video(videos, tmp_path, test_mode, num_workers):
    lines = ['good 0.mp4 0', 'empty.mp4 0']
    dataset = make_dataset(videos, lines, tmp_path, test_mode=test_mode, on_unreadable='fail')
    with pytest.raises(UnreadableVideoError, match='empty.mp4: the file is empty'):
        read_all(dataset, num_workers)
    with pytest.raises(SystemExit) as ended, one_line_errors():
        read_all(dataset, num_workers)
    assert ended.value.code == f'error: {videos}/empty.mp4: the file is empty'


@pytest.mark.parametrize(('test_mode', 'value'), [(True, 'replace'), (False, 'wrong'), (True, 'skip')])
def test_on_unreadable_fits_the_mode(videos, tmp_path, test_mode, value):
    with pytest.raises(ValueError, match=f"on_unreadable='{value}' is not allowed with test_mode"):
        make_dataset(videos, ['a 0'], tmp_path, test_mode=test_mode, on_unreadable=value)


def test_anchor_videos_need_no_labels_and_are_replaced_too(videos, tmp_path):
    ann_file = tmp_path / 'anchors.txt'
    ann_file.write_text('good 0.mp4\ngarbled.mp4 3\n\ngood 1.mp4, 9\n')
    prefix = dict(video=str(videos))
    dataset = AnchorVideoDataset(str(ann_file), make_pipeline(), data_prefix=prefix)
    samples = [dataset[index]['data_samples'] for index in range(len(dataset))]
    names = [Path(sample.filename).name for sample in samples]
    assert names == ['good 0.mp4', 'good 1.mp4', 'good 1.mp4']
    assert [len(sample.unreadable) for sample in samples] == [0, 1, 0]
    assert all(sample.is_anchor and get_gt_label(sample).item() == -1 for sample in samples)


# What a dataset is told


def test_metainfo_and_subset(videos, tmp_path):
    label_map = tmp_path / 'labels.csv'
    label_map.write_text('id,name\n0,jump\n1,run\n')
    dataset = make_dataset(
        videos,
        ['a.mp4 0', 'b.mp4 1', 'c.mp4 1'],
        tmp_path,
        label_map=str(label_map),
        split='novel',
        test_mode=True,
        indices=2,
    )
    assert dataset.metainfo == dict(classes=('jump', 'run'), split='novel')
    assert len(dataset) == 2


def test_label_outside_the_label_map_is_named(videos, tmp_path):
    with pytest.raises(ValueError, match=r'list.txt, row 3: label 3 is outside .* labels 0 to 2'):
        make_dataset(videos, ['a.mp4 2', '', 'b.mp4 3'], tmp_path)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(split='novel'), 'list.txt: .*novel classes are never trained on'),
        (dict(split='train'), "split='train'; use one of"),
        (
            dict(label_map=['run', 'run']),
            r"label_map\[1\]: class name 'run' stands already in label_map\[0\]",
        ),
        (dict(label_map=['run', ' ']), r'label_map\[1\]: empty class name'),
        (dict(label_map=None), "label_map='None': give a file or a list of names"),
        (dict(label_map=[]), r"label_map='\[\]': give a file or a list of names"),
        (dict(data_prefix=dict(img='a')), r"keys \['img'\]; write data_prefix=dict\(video=folder\)"),
    ],
)
def test_bad_arguments_are_named(videos, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_dataset(videos, ['a.mp4 0'], tmp_path, **arguments)


def test_pipeline_that_packs_nothing_is_named(videos, tmp_path):
    dataset = make_dataset(videos, ['good 0.mp4 0'], tmp_path, pipeline=make_pipeline()[:-1])
    with pytest.raises(ValueError, match='let it end in PackActionInputs'):
        dataset[0]


# Annotation files


def test_annotation_lines(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes(
        b'\xef\xbb\xbfa.mp4 0\r\n\r\n  folder/my clip, part 2.mp4  12 \nb.mp4, 3\nc\tq.mp4\t4\n\n'
        + 'übung.mp4 5'.encode()
    )
    assert read_annotation(path) == [
        ('a.mp4', 0),
        ('folder/my clip, part 2.mp4', 12),
        ('b.mp4', 3),
        ('c\tq.mp4', 4),
        ('übung.mp4', 5),
    ]


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        (b'b.mp4', "no label in 'b.mp4'"),
        (b'b.mp4,1', "no label in 'b.mp4,1'"),
        (b'my clip.mp4', "label 'clip.mp4' is no integer"),
        (b'b.mp4 1.0', "label '1.0' is no integer"),
        (b'b.mp4 -1', 'label -1 is negative'),
        (b'b.mp4 ' + b'9' * 5000, "label '9{80}...' is no integer"),
        (b'b.mp4 +1', r"label '\+1' is no integer"),
        (b'b.mp4 0 1', "more than one label in 'b.mp4 0'"),
        (b'"my clip.mp4" 1', "'\"my clip.mp4\"' is no path; write 'path label', without quotes"),
        (b'"b.mp4": 1', '\'"b.mp4":\' is no path'),
        (b'# three clips 3', "'# three clips' is a comment"),
        (b'\xff.mp4 1', 'not UTF-8'),
        (b'b\x00.mp4 1', r"the character '\\x00'; save the file as plain text"),
        (b'\xef\xbb\xbfb.mp4 1', r"the character '\\ufeff'"),
        (b'b' * 10_000_000 + b' 1', 'more than 8192 characters in one line'),
    ],
)
def test_broken_annotation_names_file_and_row(tmp_path, line, message):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'a.mp4 0\n\n' + line + b'\nc.mp4 1\n')
    with pytest.raises(ValueError, match=f'list.txt, row 3: {message}'):
        read_annotation(path)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{', "'{' is no path"),
        ('"a.mp4",', '\'"a.mp4",\' is no path'),
        ('a.mp4,3', "more than one label in 'a.mp4,3'"),
        ('# all clips', "'# all clips' is a comment"),
        ('video_path,label', "'video_path,label' is a header"),
        ('path label', "'path label' is a header"),
    ],
)
def test_broken_video_list_names_file_and_row(tmp_path, line, message):
    path = tmp_path / 'list.txt'
    path.write_text(f'{line}\nb.mp4\n')
    with pytest.raises(ValueError, match=f'list.txt, row 1: {message}'):
        read_video_list(path)


def test_paths_that_look_like_another_format_are_read(tmp_path):
    path = tmp_path / 'list.txt'
    # HMDB51 has names that begin with '#'.
    lines = ['#20_Rhythm_clap_u.avi', '[Official] clip.mp4', "'tis v1.2 clip.mp4", 'label/path']
    path.write_text(''.join(f'{line} 0\n' for line in lines))
    assert [video for video, _ in read_annotation(path)] == lines
    assert read_video_list(path) == lines


@pytest.mark.parametrize(
    ('labels', 'num_classes', 'message'),
    [
        ([1, 2, 3], 3, r'they end at 3 and none is 0; count them from 0 to 2 \(the label map has 3 classes'),
        ([1, 3, 3], 3, 'they end at 3 and none is 0'),
        ([2, 1, 3], 4, 'they end at 3 and none is 0; .*or take class 0 out of the label map'),
        ([1, 2, 3], 100, 'they end at 3 and none is 0'),
    ],
)
def test_labels_that_count_from_1_are_named(tmp_path, labels, num_classes, message):
    path = tmp_path / 'list.txt'
    path.write_text(''.join(f'{number}.mp4 {label}\n' for number, label in enumerate(labels)))
    with pytest.raises(ValueError, match=f'list.txt: labels are off by one, {message}'):
        read_annotation(path, num_classes)


@pytest.mark.parametrize('labels', [[0, 1, 3], [1, 3], [1], [2, 3]])
def test_lists_that_lack_classes_are_read(tmp_path, labels):
    path = tmp_path / 'list.txt'
    path.write_text(''.join(f'{number}.mp4 {label}\n' for number, label in enumerate(labels)))
    assert [label for _, label in read_annotation(path, 5)] == labels


@pytest.mark.parametrize('read', [read_annotation, read_video_list, read_label_map])
def test_files_that_are_none_are_named(tmp_path, read):
    (tmp_path / 'circle').symlink_to('circle')
    os.mkfifo(tmp_path / 'pipe')  # to read it would wait without end
    for name, kind, message in (
        ('circle', OSError, 'Too many levels of symbolic links'),
        ('pipe', ValueError, 'pipe: no regular file'),
        ('.', OSError, 'Is a directory'),
        ('a' * 300, OSError, 'File name too long'),
        ('a\0b', ValueError, r"'.*a\\x00b': .*without the character NUL"),
    ):
        with pytest.raises(kind, match=message):
            read(f'{tmp_path}/{name}')


@pytest.mark.parametrize('read', [read_annotation, read_video_list, read_label_map])
def test_a_file_that_may_not_be_read_is_not_called_missing(tmp_path, read):
    (tmp_path / 'list.txt').write_text('a.mp4 0')
    (tmp_path / 'list.txt').chmod(0)
    with pytest.raises(PermissionError, match='Permission denied: .*list.txt'), running.unprivileged():
        read(tmp_path / 'list.txt')


def test_annotation_without_a_sample(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text(' \n\n')
    for read in (read_annotation, read_video_list):
        with pytest.raises(ValueError, match='list.txt: no sample'):
            read(path)
        with pytest.raises(FileNotFoundError, match='no.txt'):
            read(tmp_path / 'no.txt')


def test_video_list_ignores_labels(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('a.mp4\nmy clip.mp4\n\nb c.mp4 7\nd.mp4, 0\n9\n')
    assert read_video_list(path) == ['a.mp4', 'my clip.mp4', 'b c.mp4', 'd.mp4', '9']


# Label maps


def test_label_map_formats(tmp_path):
    table = tmp_path / 'labels.csv'
    table.write_text('id,name\n1,"Moving up, then down"\n0,run\n\n2, "say ""hi""" \n\n')
    assert read_label_map(table) == ('run', 'Moving up, then down', 'say "hi"')
    plain = tmp_path / 'labels.txt'
    plain.write_text('Moving up, then down\nrun\r\n\n')
    assert read_label_map(str(plain)) == ('Moving up, then down', 'run')
    table.write_text('\ufeff"ID","Name"\n"0","1 finger"\n"1","2 fingers"\n')
    assert read_label_map(table) == ('1 finger', '2 fingers')


CASES = running.DATA / 'label_maps'


def test_numbered_label_map_of_ucf101():
    names = read_label_map(CASES / 'classInd.txt')
    assert (len(names), names[0], names[11]) == (12, 'ring bouncing', 'circle orbiting')


@pytest.mark.parametrize('lines', ['0 run\n1 jump\n', '001 run\n002 jump\n', '1 run\r\n2  jump\r\n\r\n'])
def test_numbered_label_maps(tmp_path, lines):
    (tmp_path / 'labels.txt').write_text(lines)
    assert read_label_map(tmp_path / 'labels.txt') == ('run', 'jump')


@pytest.mark.parametrize(
    'names',
    [
        ['50 salads', 'run', 'jump'],
        ['high jump 2', 'run', 'jump'],
        ['gesture 1', 'gesture 2', 'gesture 3'],
        ['Moving up, then down', 'carry/hold (an object)', "doesn't move"],
        ['[something] falling', 'Folding [something]', '(VT) round-off, flic-flac on'],
        ['übung', '跑步', 'कूदना', 'कूदनी'],
    ],
)
def test_names_that_look_like_another_format_are_read(tmp_path, names):
    (tmp_path / 'labels.txt').write_text('\n'.join(names), encoding='utf-8')
    assert read_label_map(tmp_path / 'labels.txt') == tuple(names)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('name_id.txt', "row 1: 'ring bouncing 0', as most lines, is no class name alone"),
        ('labels.json', "row 1: '{' is no class name"),
        ('labels.tsv', "row 1: 'id\tname' where '1 NAME' should be"),
        ('comment.txt', "row 1: '# my classes' is no class name"),
    ],
)
def test_other_formats_are_refused_with_those_that_are_read(name, message):
    formats = "label maps are CSV files with the header 'id,name', or have one name per line, or '1 NAME'"
    with pytest.raises(ValueError, match=f'{name}, {message}.*; {formats}'):
        read_label_map(CASES / name)


@pytest.mark.parametrize(
    'lines',
    [
        ['1 run', '2 jump', '4 swim'],
        ['1 run', '2 jump', 'x swim', '4 fly'],
        ['2 run', '1 jump'],
        ['1. run', '2. jump'],
        ['1 001.run', '2 002.jump'],
        ['0,run', '1,jump'],
        ['0;run', '1;jump'],
        ['run,0', 'jump,1'],
        ['run,0', 'jump,0', 'swim,2'],
        ['run\t0', 'jump\t1'],
        ['run_0.mp4 0', 'run_1.mp4 0', 'jump_0.MP4 1'],
        ['run: 0', 'jump: 1'],
        ['0: run', '1: jump'],
        ['- run', '- jump'],
        ['names: [run, jump]'],
        ['classes:', '  - run', '  - jump'],
        ['["run", "jump"]'],
        ["['run', 'jump']"],
        ['{"run": 0, "jump": 1}'],
        ['"run"', '"jump"'],
        ['run,', 'jump,'],
        ['run;jump;swim'],
        ['| 0 | run |'],
        ['name', 'run', 'jump'],
        ['0', '1', '2'],
        ['run', '7'],
        ['ring bouncing 0'],
        ['run', '// more', 'jump'],
        ['<html>', 'run'],
    ],
    ids=' '.join,
)
@pytest.mark.parametrize('suffix', ['txt', 'yaml'])
def test_no_class_is_made_of_what_is_no_name(tmp_path, lines, suffix):
    path = tmp_path / f'labels.{suffix}'
    path.write_text('\n'.join(lines))
    with pytest.raises(
        ValueError, match=f'labels.{suffix}, row [0-9]: .*; label maps are CSV files'
    ) as caught:
        read_label_map(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'name', ['RIDE HORSE', 'ride_horse', 'ride-horse', 'RideHorse', 'ride  horse', 'ride horse.']
)
def test_names_that_differ_by_case_spaces_and_punctuation_are_refused(tmp_path, name):
    (tmp_path / 'labels.csv').write_text(f'id,name\n0,ride horse\n1,{name}\n')
    (tmp_path / 'labels.txt').write_text(f'ride horse\nrun\n{name}\n')
    for path in ('labels.csv', 'labels.txt'):
        with pytest.raises(
            ValueError, match=rf"{path}, row 3: class name '{name}' stands .* row [12] as 'ride"
        ):
            read_label_map(tmp_path / path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'id,name\n0,run\n2,jump\n', 'row 3: id 2, but no row has id 1'),
        (b'id,name\n1,run\n2,jump\n', 'row 3: id 2, but no row has id 0'),
        (b'id,name\n0,run\n0,jump\n', 'row 3: id 0 stands already in row 2'),
        (b'id,name\n0,run\n-1,jump\n', "row 3: id '-1' is no integer"),
        (b'id,name\n0,run\none,jump\n', "row 3: id 'one' is no integer"),
        (b'id,name\n0,run\n1,\n', 'row 3: empty class name'),
        (b'id,name\n0,run\n1,run\n', "row 3: class name 'run' stands already in .*row 2"),
        (b'id,name\n0,run\n1,up, down\n', 'row 3: 3 fields instead of 2'),
        (b'id,name\n0,run\n1\n', 'row 3: 1 fields instead of 2'),
        (b'id,name\n0,run\n1,"up" down\n', 'row 3: .*check the double quotes'),
        (b'id,name\n0,"run\n1,jump"\n', 'row 2: unexpected end of data; check the double quotes'),
        (b'id,name\n0,run\n1,\xff\n', 'row 3: not UTF-8'),
        (b'id,name\n0,run\n1,ju\x00mp\n', r"row 3: the character '\\x00'"),
        (b'id,name\n0,run\n1,ju\tmp\n', 'row 3: .*has a tab or control character'),
        (b'id,name\n0,run\n' + b'9' * 5000 + b',jump\n', "row 3: id '9{80}...' is no integer"),
        (b'id,name\n0,run\n1,' + b'jump' * 2_500_000, 'row 3: more than 8192 characters'),
        ('id,name\n0,run\n'.encode('utf-16'), 'row 1: not UTF-8'),
        (b'0,run\n1,jump\n', "row 1: the header must be 'id,name', found '0,run'"),
        (b'', "row 1: the header must be 'id,name', found no line"),
    ],
)
def test_broken_label_table_names_file_and_row(tmp_path, content, message):
    path = tmp_path / 'labels.csv'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'labels.csv, {message}'):
        read_label_map(path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('run\n\njump\n', ', row 2: empty class name'),
        ('run\njump\nrun\n', ", row 3: class name 'run' stands already in .*row 1"),
        ('', ': no class'),
        ('id,name\n', ': no class'),
    ],
)
def test_broken_label_list_names_file_and_row(tmp_path, content, message):
    path = tmp_path / 'labels.txt'
    path.write_text(content)
    with pytest.raises(ValueError, match=f'labels.txt{message}'):
        read_label_map(path)


# Hook


class TinyModel(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, data_samples, mode='loss'):
        return dict(loss=self.weight * sum(clip.float().mean() for clip in inputs))


@pytest.mark.parametrize('num_workers', [0, 2])
def test_hook_names_each_video_once_and_counts(videos, tmp_path, num_workers):
    lines = ['good 0.mp4 0', 'empty.mp4 0', 'missing.mp4 0', 'good 1.mp4 0', 'damaged.avi 0']
    runner = Runner(
        model=TinyModel(),
        work_dir=str(tmp_path),
        train_dataloader=dict(
            batch_size=2,
            num_workers=num_workers,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=make_dataset(videos, lines, tmp_path),
            collate_fn=dict(type='pseudo_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=None),
        custom_hooks=[dict(type='UnreadableVideosHook')],
        default_scope='ga2mm',
        experiment_name=f'unreadable_videos_{num_workers}',
    )
    runner.train()
    empty, missing = f'{videos}/empty.mp4: the file is empty', f'{videos}/missing.mp4: no such file'
    counts = runner.message_hub.get_info('unreadable_videos')
    assert counts == {empty: 3, missing: 6}
    [log] = tmp_path.glob('*/*.log')
    text = log.read_text()
    for video in (empty, missing):
        assert text.count(f'cannot be read, skipping {video}') == 1
    summary = '2 training videos cannot be read, others took their place 6 times: '
    assert f'{summary}{empty}; {missing}' in text
    lost = f'{videos}/damaged.avi: damaged, 18'  # 187 packets, of which 180 can be decoded
    assert f'1 training videos lost frames, what is left was sampled: {lost}' in text


def test_a_test_set_names_the_videos_that_lost_frames(tmp_path):
    MMLogger.get_instance('lost frames', log_file=str(tmp_path / 'log'))
    of_set = UnreadableTestVideos('test_dataloader.base', 3)
    of_set.take_in(dict(data_samples=[dict(mended=('a: damaged',)), dict(mended=())]))
    of_set.take_in(dict(data_samples=[dict(mended=('a: damaged',))]))
    assert of_set.finish([]) == 0
    assert 'test_dataloader.base: 1 of 3 videos lost frames' in (tmp_path / 'log').read_text()


def _gather_in_rank(rank: int) -> None:
    hub = MessageHub.get_instance('gather')
    runner = SimpleNamespace(logger=MMLogger.get_instance('gather'), message_hub=hub)
    hook = UnreadableVideosHook()
    samples = [dict(unreadable=('a: gone',)), dict(unreadable=()), dict(unreadable=(f'{rank}: gone',))]
    samples.append(dict(mended=(f'{rank}: damaged',)))
    hook.after_train_iter(runner, 0, dict(data_samples=samples))
    hook.after_train(runner)
    assert hub.get_info('unreadable_videos') == {'a: gone': 2, '0: gone': 1, '1: gone': 1}


def test_hook_gathers_over_processes():
    running.in_two_processes(_gather_in_rank)
