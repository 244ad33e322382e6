"""The whole path on real videos, a small part of it.

``GA2MM_JHMDB`` names the folder with JHMDB's clips and HMDB51's official lists (docs/real_footage.md);
without it these tests are skipped.
"""

import json
import os
import sys
from pathlib import Path

import pytest

from ga2mm.datasets import read_annotation, read_label_map
from tests.helpers import running
from tests.helpers.running import finish, start

FOLDER = os.environ.get('GA2MM_JHMDB')
LEFT_OUT = ['climb stairs', 'pick', 'run', 'sit', 'walk']
SHORT = {
    'model.backbone.pretrained': 'random',
    'train_cfg.max_epochs': 1,
    'default_hooks.checkpoint.interval': 1,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason='GA2MM_JHMDB names no folder of JHMDB'),
]


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    """A folder with ``data`` made as ``make jhmdb`` makes it."""
    folder = tmp_path_factory.mktemp('jhmdb')
    for name, more in (('jhmdb', []), ('jhmdb_16', ['--leave-out', *LEFT_OUT])):
        words = ['--annotations', FOLDER, '--videos', FOLDER, '--out', folder / 'data' / name, *more]
        running.tool('data/make_splits.py', 'jhmdb', *words)
    (folder / 'data' / 'jhmdb' / 'videos').symlink_to(Path(FOLDER).resolve())
    return folder


def test_lists_are_the_official_ones(data):
    rows = {
        path: read_annotation(data / 'data/jhmdb/base2novel' / f'{path}.txt')
        for path in ('base_train', 'base_val', 'novel_val')
    }
    assert {path: len(found) for path, found in rows.items()} == dict(
        base_train=420, base_val=177, novel_val=80
    )
    numbers = [
        len(read_label_map(data / 'data' / name / 'labels' / f'jhmdb_{half}_labels.csv'))
        for name in ('jhmdb', 'jhmdb_16')
        for half in ('base', 'novel')
    ]
    assert numbers == [13, 8, 10, 6]


@pytest.mark.parametrize(('dataset', 'anchors'), [('jhmdb', 'mixed'), ('jhmdb_16', 'other_dataset')])
def test_the_guard_finds_nothing(data, dataset, anchors):
    variables = dict(GA2MM_PROTOCOL='jhmdb', GA2MM_DATASET=dataset, GA2MM_ANCHORS=anchors)
    config = running.CONFIGS / 'miniature_ga2.py'
    said = finish(
        start(
            sys.executable,
            running.ROOT / 'tools/data/check_split.py',
            config,
            '--shots',
            16,
            cwd=data,
            **variables,
        )
    )
    assert '0 errors, 0 warnings' in said


def test_training_testing_report_and_pictures(data, tmp_path):
    """Two short methods on two clips of each class, with anchors of the classes that the target lacks."""
    benchmark = running.ROOT / 'configs' / 'benchmarks' / 'jhmdb.py'
    methods = {
        name: dict(config=str(running.CONFIGS / f'miniature_{file}.py'), options=SHORT)
        for name, file in (('deep prompts', 'deep_prompts'), ('GA2-CLIP', 'ga2'))
    }
    options = {**SHORT, 'model.cls_head.coupling': None}
    methods['GA2-CLIP']['options'] = options  # without the run of its hard prompt
    (tmp_path / 'b.py').write_text(
        f'_base_ = {str(benchmark)!r}\n'
        f'methods = dict(_delete_=True, **{methods!r})\n'
        "env = dict(GA2MM_TRAIN_LIST='base2novel/fs_base_s{seed}_train_2.txt')\n"
        "datasets = {'21 classes, generated anchors': None}\n"
        'worlds = []\nseeds = [1]\n'
    )
    tool = running.ROOT / 'tools' / 'run_protocol.py'
    finish(start(sys.executable, tool, tmp_path / 'b.py', '--work-dir', tmp_path / 'out', cwd=data))
    rows = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert [row['method'] for row in rows] == ['deep prompts', 'GA2-CLIP']
    assert {len(row['per_class'][half]) for row in rows for half in ('base', 'novel')} == {10, 6}
    for row in rows:
        (metrics,) = (tmp_path / 'out').glob(f'cells/*/{row["method"].replace(" ", "_")}/*/test_metrics.json')
        sets = json.loads(metrics.read_text())['sets']
        assert sets['base']['unreadable'] == sets['novel']['unreadable'] == 0
    assert (tmp_path / 'out' / 'report.html').read_text().count('data:image/svg+xml;base64,') == 6
    assert 'say nothing about any method' in (tmp_path / 'out' / 'table.md').read_text()
