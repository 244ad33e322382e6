import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing
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
from ga2mm.registry import DATASETS
from ga2mm.structures import get_gt_label
from ga2mm.utils import one_line_errors

FRAMES = 24
CLASSES = ['jump', 'run', 'swim']
UNREADABLE = ['missing.mp4', 'empty.mp4', 'truncated.mp4', 'garbled.mp4', 'text.mp4']


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
    return folder


def write_video(path: Path, codec: str, seed: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (64, 48))
    generator = np.random.default_rng(seed)
    for _ in range(FRAMES):
        writer.write(generator.integers(100, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()


def make_pipeline(clip_len: int = 4) -> list[dict]:
    return [
        dict(type='OpenVideo'),
        dict(type='UniformSample', clip_len=clip_len),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(32, 32), keep_ratio=False),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]


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


def read_all(dataset, num_workers: int) -> list[dict]:
    config = dict(
        batch_size=2,
        num_workers=num_workers,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dataset,
        collate_fn=dict(type='pseudo_collate'),
    )
    batches = list(Runner.build_dataloader(config, seed=0))
    return [
        dict(inputs=inputs, data_samples=sample)
        for batch in batches
        for inputs, sample in zip(batch['inputs'], batch['data_samples'], strict=True)
    ]


# Decoding


@pytest.mark.parametrize('name', ['good 0.mp4', 'good.avi'])
@pytest.mark.parametrize('mode', ['accurate', 'efficient'])
def test_clip_of_a_real_video_has_the_right_form(videos, tmp_path, name, mode):
    pipeline = make_pipeline(clip_len=16)
    pipeline[2]['mode'] = mode
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

    def frames(open_video: OpenVideo, mode: str = 'accurate') -> np.ndarray:
        results = open_video(dict(filename=str(path), start_index=0))
        results['frame_inds'] = np.array([0, 3, 5, 3])
        return np.stack(TRANSFORMS.build(dict(type='DecodeFrames', mode=mode))(results)['imgs'])

    expected = frames(OpenVideo())
    assert (expected[0] != expected[1]).any()
    keeping = OpenVideo(keep_frames=True)
    assert (frames(keeping) == expected).all()
    path.unlink()
    for mode in ('accurate', 'efficient'):
        assert (frames(keeping, mode) == expected).all()
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
    assert samples[1].unreadable[0].startswith(f'{videos}/garbled.mp4: cannot be decoded (')
    assert samples[6].unreadable[0].startswith(f'{videos}/truncated.mp4: cannot be opened (')
    assert all(item['inputs'].float().mean() > 90 for item in items)


def test_training_fails_if_no_video_is_readable(videos, tmp_path):
    dataset = make_dataset(videos, [f'{name} 0' for name in UNREADABLE], tmp_path)
    with pytest.raises(ValueError, match='list.txt: none of the 5 videos can be read.*data_prefix'):
        dataset[2]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_testing_puts_black_frames_in_place(videos, tmp_path, num_workers):
    lines = ['good 0.mp4 0', *(f'{name} 1' for name in UNREADABLE), 'good 1.mp4 2']
    pipeline = make_pipeline(clip_len=8)
    pipeline[1].update(num_clips=2, test_mode=True)
    dataset = make_dataset(videos, lines, tmp_path, pipeline=pipeline, test_mode=True)
    items = read_all(dataset, num_workers)
    assert [item['data_samples'].readable for item in items] == [True, *[False] * 5, True]
    assert [get_gt_label(item['data_samples']).item() for item in items] == [0, 1, 1, 1, 1, 1, 2]
    for name, item in zip(UNREADABLE, items[1:6], strict=True):
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
@pytest.mark.parametrize('mode', ['accurate', 'efficient'])
def test_black_frames_fit_every_way_of_sampling(videos, tmp_path, sampling, mode):
    pipeline = make_pipeline()
    pipeline[1:3] = [sampling, dict(type='DecodeFrames', mode=mode)]
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
        (b'\xff.mp4 1', 'not UTF-8'),
    ],
)
def test_broken_annotation_names_file_and_row(tmp_path, line, message):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'a.mp4 0\n\n' + line + b'\nc.mp4 1\n')
    with pytest.raises(ValueError, match=f'list.txt, row 3: {message}'):
        read_annotation(path)


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
        (b'id,name\n0,run\n1,\xff\n', 'row 3: not UTF-8'),
        (b'0,run\n1,jump\n', "row 1: the header must be 'id,name'"),
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
    lines = ['good 0.mp4 0', 'empty.mp4 0', 'missing.mp4 0', 'good 1.mp4 0']
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


def _gather_in_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    hub = MessageHub.get_instance('gather')
    runner = SimpleNamespace(logger=MMLogger.get_instance('gather'), message_hub=hub)
    hook = UnreadableVideosHook()
    samples = [dict(unreadable=('a: gone',)), dict(unreadable=()), dict(unreadable=(f'{rank}: gone',))]
    hook.after_train_iter(runner, 0, dict(data_samples=samples))
    hook.after_train(runner)
    assert hub.get_info('unreadable_videos') == {'a: gone': 2, '0: gone': 1, '1: gone': 1}
    torch.distributed.destroy_process_group()


def test_hook_gathers_over_processes(tmp_path):
    torch.multiprocessing.start_processes(_gather_in_rank, (str(tmp_path),), nprocs=2, start_method='fork')
