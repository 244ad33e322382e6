"""Several processes compute the same as one process."""

import json
import pickle
import re
import shlex
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from ga2mm.engine import prepare_distributed
from tests.helpers import running
from tests.helpers.running import finish, logged_losses, miniature, start, train

TRAIN, TEST = running.ROOT / 'tools' / 'dist_train.sh', running.ROOT / 'tools' / 'dist_test.sh'
CONFIG = running.CONFIGS / 'miniature_ga2.py'

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('in_miniature_folder')]

IN_PROCESS = ['train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False']
UNTRAINED = 'model.backbone.pretrained=random'


@pytest.fixture(scope='module')
def one_process(miniature_folder) -> Path:
    """Work dir of two epochs in one process: 16 clips and 8 anchors per step; the last step has 8 clips."""
    work_dir = miniature_folder / 'work_dirs' / 'one_process'
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(miniature_folder)
        train(miniature('ga2', work_dir, epochs=2, default_hooks__logger__interval=1))
    return work_dir


def assert_same_losses(work_dir: Path, expected: Path) -> None:
    found, expected = logged_losses(work_dir), logged_losses(expected)
    assert len(found) == len(expected) == 4
    for one, other in zip(found, expected, strict=True):
        assert {'loss', 'loss_cls', 'loss_anchor_FeatureConsistency'} == set(one)
        assert one == pytest.approx(other, abs=1e-4)


def train_options(work_dir: Path, epochs: int) -> list:
    return [
        *('--work-dir', work_dir, '--seed', 0, '--cfg-options', UNTRAINED, *IN_PROCESS),
        'train_dataloader.batch_size=8',
        'train_dataloader.batch_sampler.num_anchors=4',
        f'train_cfg.max_epochs={epochs}',
        f'train_cfg.val_interval={epochs}',
        'val_dataloader.num_workers=0',
        'default_hooks.logger.interval=1',
    ]


# A module that a config imports in each process: it prints the threads left when the process ends, and has a
# hook that makes the second process fail.
IN_EVERY_PROCESS = """
import atexit, os, signal
from pathlib import Path
from mmengine.hooks import Hook
from ga2mm.registry import HOOKS

def tell():
    names = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]
    print(f'process {os.environ["RANK"]} ends with the threads {names}', flush=True)

atexit.register(tell)

@HOOKS.register_module()
class Trouble(Hook):
    def __init__(self, kind):
        self.kind = kind

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if self.kind == 'error' and runner.rank == 1:
            raise ValueError('a video of process 1 is damaged')
        if self.kind == 'stop' and runner.rank == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
"""


def write_telling_config(folder: Path, trouble: str | None = None) -> Path:
    """A config whose processes print their last threads; ``PYTHONPATH`` must have its folder."""
    (folder / 'in_every_process.py').write_text(IN_EVERY_PROCESS)
    (folder / 'telling.py').write_text(
        f'_base_ = {str(CONFIG)!r}\n'
        "custom_imports = dict(imports=['in_every_process'])\n"
        f"custom_hooks = [dict(type='Trouble', kind={trouble!r})]\n"
    )
    return folder / 'telling.py'


def assert_groups_threads_ended(output: str, processes: int) -> None:
    threads = re.findall(r'ends with the threads \[(.*?)\]', output)
    assert len(threads) == processes
    assert not [names for names in threads if 'gloo' in names or 'store' in names]


def test_two_processes_learn_what_one_learns(one_process, tmp_path, in_miniature_folder):
    config = write_telling_config(tmp_path)
    options = train_options(tmp_path / 'run', 2)
    path = f'{running.ROOT}:{tmp_path}'
    output = finish(start(TRAIN, config, 2, *options, cwd=in_miniature_folder, PYTHONPATH=path))
    assert_same_losses(tmp_path / 'run', one_process)
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file()
    assert_groups_threads_ended(output, 2)


def test_two_machines_learn_what_one_process_learns(one_process, tmp_path, in_miniature_folder):
    options = train_options(tmp_path, 2)
    with running.reserved_port() as port:
        machines = dict(NNODES=2, PORT=port, MASTER_ADDR='127.0.0.1', cwd=in_miniature_folder)
        nodes = [start(TRAIN, CONFIG, 1, *options, NODE_RANK=rank, **machines) for rank in range(2)]
        for node in nodes:
            finish(node)
    assert_same_losses(tmp_path, one_process)


def start_two(trouble: str, folder: Path, port: int, *options: str, cwd: Path) -> list:
    """Start two processes without a launcher, because a launcher ends one when the other ends."""
    config = write_telling_config(folder, trouble)
    tool = (sys.executable, running.ROOT / 'tools' / 'train.py', config, '--launcher', 'pytorch')
    shared = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port, PYTHONPATH=f'{running.ROOT}:{folder}', cwd=cwd)
    options = [*train_options(folder / 'run', 1), *options]
    return [start(*tool, *options, WORLD_SIZE=2, RANK=rank, LOCAL_RANK=rank, **shared) for rank in (0, 1)]


LOST = 'error: process 0 waits for a process that ended or does not answer'


def test_an_error_of_one_process_ends_the_other(tmp_path, in_miniature_folder):
    with running.reserved_port() as port:
        left, gone = start_two('error', tmp_path, port, cwd=in_miniature_folder)
        output, cause = finish(left, 1), finish(gone, 1)
    assert f'\n{LOST}' in output and '\nerror: a video of process 1 is damaged\n' in cause
    assert 'Traceback' not in output + cause
    assert_groups_threads_ended(output + cause, 2)


def test_a_process_that_is_stopped_ends_the_other(tmp_path, in_miniature_folder):
    with running.reserved_port() as port:
        options = ['env_cfg.dist_cfg.timeout=10']
        left, stopped = start_two('stop', tmp_path, port, *options, cwd=in_miniature_folder)
        try:
            output = finish(left, 1)
        finally:
            stopped.kill()
            stopped.wait()
            stopped.output.close()
    assert f'\n{LOST}' in output and 'Traceback' not in output
    assert_groups_threads_ended(output, 1)


@pytest.mark.parametrize('seconds', [0, -1, '1h', True, float('inf')])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(seconds, tmp_path):
    cfg = miniature('ga2', tmp_path, env_cfg__dist_cfg__timeout=seconds)
    cfg.launcher = 'pytorch'
    with pytest.raises(ValueError, match=r'env_cfg\.dist_cfg\.timeout=.*: give a number of seconds'):
        prepare_distributed(cfg)


def scores_and_labels(dump: Path) -> tuple[torch.Tensor, list[int]]:
    predictions = pickle.loads(dump.read_bytes())
    scores = torch.stack([prediction['pred_scores']['item'] for prediction in predictions])
    return scores, [int(prediction['gt_labels']['item']) for prediction in predictions]


def assert_same_test(work_dir: Path, expected: Path) -> dict:
    """Check for equal scores of every video in the same order, and metrics that follow from them.

    Rounding may decide which class is first, so metrics need not be the same.

    Returns:
        The sets of the report.
    """
    sets = json.loads((work_dir / 'test_metrics.json').read_text())['sets']
    assert sets.keys() == {'base', 'generalized/base', 'novel', 'generalized/novel'}
    for name, found in sets.items():
        file = f'dump_{name.replace("/", "_")}.pkl'
        scores, labels = scores_and_labels(work_dir / file)
        others, other_labels = scores_and_labels(expected / file)
        assert labels == other_labels and len(labels) == found['videos']
        torch.testing.assert_close(scores, others, rtol=1e-3, atol=1e-6)
        predicted = scores.argmax(dim=1).tolist()
        confusion = Counter(zip(labels, predicted, strict=True))
        assert {(label, first): count for label, first, count in found['confusion']} == confusion
        right = sum(label == first for label, first in zip(labels, predicted, strict=True))
        assert found['acc/top1'] == pytest.approx(right / len(labels))
    return sets


def test_here(cfg: Config, checkpoint: Path | None = None) -> None:
    dump = dict(type='DumpResults', out_file_path=f'{cfg.work_dir}/dump.pkl')
    cfg.test_evaluator = [cfg.test_evaluator, dump]
    running.test(cfg, checkpoint)


def test_options(work_dir: Path, *options: str) -> list:
    return ['--work-dir', work_dir, '--dump', work_dir / 'dump.pkl', '--cfg-options', UNTRAINED, *options]


test_here.__test__ = test_options.__test__ = False

# 13 base and 7 novel videos: neither is a multiple of 2 processes times 3 videos.
UNEVEN = {
    'test_dataloader.base.batch_size': 3,
    'test_dataloader.novel.batch_size': 3,
    'test_dataloader.base.dataset.indices': 13,
    'test_dataloader.novel.dataset.indices': 7,
    'test_dataloader.base.num_workers': 0,
    'test_dataloader.novel.num_workers': 0,
}


def test_two_processes_test_what_one_tests(one_process, tmp_path, in_miniature_folder):
    checkpoint = one_process / 'epoch_2.pth'
    cfg = miniature('ga2', tmp_path / 'one')
    cfg.merge_from_dict(UNEVEN)
    test_here(cfg, checkpoint)
    options = test_options(tmp_path / 'two', *(f'{key}={value}' for key, value in UNEVEN.items()))
    finish(start(TEST, CONFIG, checkpoint, 2, *options, cwd=in_miniature_folder))
    sets = assert_same_test(tmp_path / 'two', tmp_path / 'one')
    assert (sets['base']['videos'], sets['novel']['videos']) == (13, 7)


def test_two_processes_test_a_clip_without_prompts(tmp_path, in_miniature_folder):
    test_here(miniature('zero_shot', tmp_path / 'one'))
    config = running.CONFIGS / 'miniature_zero_shot.py'
    finish(start(TEST, config, '', 2, *test_options(tmp_path / 'two'), cwd=in_miniature_folder))
    assert_same_test(tmp_path / 'two', tmp_path / 'one')


# What a user of UCF101 runs, with the tiny CLIP, small frames and one epoch in the options.
UCF101_COMMAND = """
tools/dist_train.sh configs/ga2/ucf101_fewshot.py 4 --work-dir work_dirs/ucf101 --seed 0 --cfg-options
    model.backbone.arch=miniature
    model.backbone.pretrained=random
    model.cls_head.vision_prompt.length=4
    model.cls_head.vision_prompt.depth=3
    model.cls_head.text_prompt.length=4
    model.cls_head.text_prompt.depth=3
    model.cls_head.coupling.hard_prompt=hard_prompts/miniature_source.safetensors
    train_dataloader.dataset.dataset.pipeline.1.clip_len=4
    train_dataloader.dataset.dataset.pipeline.5.scale="(32, 32)"
    train_dataloader.dataset.anchors.pipeline.1.clip_len=4
    train_dataloader.dataset.anchors.pipeline.5.scale="(32, 32)"
    train_dataloader.batch_size=2
    train_dataloader.num_workers=0
    train_dataloader.persistent_workers=False
    train_cfg.max_epochs=1
"""
UCF101_CLASSES = ['ApplyEyeMakeup', 'ApplyLipstick', 'Archery', 'BabyCrawling']


@pytest.fixture
def ucf101(tmp_path, miniature_folder, monkeypatch) -> Path:
    """A folder with ``data`` laid out like UCF101 and Kinetics-400, a few videos of 64 x 48 pixels."""
    ucf, kinetics = tmp_path / 'data' / 'ucf101', tmp_path / 'data' / 'kinetics400'
    for folder in (
        ucf / 'videos',
        ucf / 'few_shot',
        ucf / 'labels',
        kinetics / 'videos',
        kinetics / 'annotations',
    ):
        folder.mkdir(parents=True)
    lines = []
    for label, name in enumerate(UCF101_CLASSES):
        for group in range(1, 5):
            lines.append(f'v_{name}_g{group:02d}_c01.avi {label}')
            write_video(ucf / 'videos' / lines[-1].split()[0], seed=len(lines))
    (ucf / 'few_shot' / 'train1_few_shot_16.txt').write_text('\n'.join(lines))
    rows = [f'{label},{name}' for label, name in enumerate(UCF101_CLASSES)]
    (ucf / 'labels' / 'ucf_101_labels.csv').write_text('\n'.join(['id,name', *rows]))
    for number in range(4):
        write_video(kinetics / 'videos' / f'k{number}.avi', seed=100 + number)
    (kinetics / 'annotations' / 'anchors.txt').write_text('\n'.join(f'k{number}.avi' for number in range(4)))
    (tmp_path / 'hard_prompts').symlink_to(miniature_folder / 'hard_prompts')
    for name in ('tools', 'configs'):
        (tmp_path / name).symlink_to(running.ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_video(path: Path, seed: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (64, 48))
    for frame in np.random.default_rng(seed).integers(0, 256, (12, 48, 64, 3), dtype=np.uint8):
        writer.write(frame)
    writer.release()


def test_four_processes_tune_on_ucf101(ucf101):
    output = finish(start(*shlex.split(UCF101_COMMAND), cwd=ucf101))
    assert 'current batch size is 8. Scaling the original LR by 0.125' in output
    (line,) = [line for line in output.splitlines() if 'Epoch(train) [1][2/2]' in line]
    assert 'loss_anchor_FeatureConsistency' in line and 'nan' not in line
    assert (ucf101 / 'work_dirs' / 'ucf101' / 'epoch_1.pth').is_file()
