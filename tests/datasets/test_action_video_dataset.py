"""Datasets of videos: unreadable videos, and arguments."""

from pathlib import Path

import pytest
from mmengine.registry import init_default_scope

from ga2mm.datasets import UnreadableVideoError
from ga2mm.structures import get_gt_label
from ga2mm.utils import one_line_errors
from tests.helpers.videos import UNREADABLE, make_dataset, make_pipeline, read_all


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('ga2mm')


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


# Arguments


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
            r"label_map\[1\]: class name 'run' is already in label_map\[0\]",
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
    with pytest.raises(ValueError, match='end it with PackActionInputs'):
        dataset[0]
