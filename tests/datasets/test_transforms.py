"""Opening, sampling and decoding of videos."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS, init_default_scope

from ga2mm.datasets import OpenVideo, UnreadableVideoError
from ga2mm.structures import get_gt_label
from tests.helpers.videos import FRAMES, UNREADABLE, make_dataset, make_pipeline


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('ga2mm')


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
    """Also a second time, after the file is gone."""
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
