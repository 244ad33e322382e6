"""Anchor videos from a list."""

from pathlib import Path

import pytest
from mmengine.registry import init_default_scope

from ga2mm.anchors import AnchorVideoDataset
from ga2mm.structures import get_gt_label
from tests.helpers.videos import make_pipeline


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('ga2mm')


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
