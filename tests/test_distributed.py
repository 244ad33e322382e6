"""Several processes compute what one computes."""

import json
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
import running
from running import finish, logged_losses, miniature, start, train

TRAIN, TEST = running.ROOT / 'tools' / 'dist_train.sh', running.ROOT / 'tools' / 'dist_test.sh'
CONFIG = running.CONFIGS / 'miniature_ga2.py'

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('in_miniature_folder')]

IN_PROCESS = ['train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False']
UNTRAINED = 'model.backbone.pretrained=random'


@pytest.fixture(scope='module')
def one_process(miniature_folder) -> Path:
    """Work dir of two epochs in one process: 16 clips and 8 anchors a step, the last step of each has 8."""
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


def test_two_processes_learn_what_one_learns(one_process, tmp_path, in_miniature_folder):
    finish(start(TRAIN, CONFIG, 2, *train_options(tmp_path, 2), cwd=in_miniature_folder))
    assert_same_losses(tmp_path, one_process)
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_two_machines_learn_what_one_process_learns(one_process, tmp_path, in_miniature_folder):
    machines = dict(NNODES=2, PORT=running.free_port(), MASTER_ADDR='127.0.0.1', cwd=in_miniature_folder)
    options = train_options(tmp_path, 2)
    nodes = [start(TRAIN, CONFIG, 1, *options, NODE_RANK=rank, **machines) for rank in range(2)]
    for node in nodes:
        finish(node)
    assert_same_losses(tmp_path, one_process)


def metrics_of(work_dir: Path) -> dict:
    report = json.loads((work_dir / 'test_metrics.json').read_text())
    return {'percent': report['top1_percent'], 'sets': report['sets']}


def test_options(work_dir: Path, *options: str) -> list:
    return ['--work-dir', work_dir, '--cfg-options', UNTRAINED, *options]


test_options.__test__ = False

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
    running.test(cfg, checkpoint)
    options = test_options(tmp_path / 'two', *(f'{key}={value}' for key, value in UNEVEN.items()))
    finish(start(TEST, CONFIG, checkpoint, 2, *options, cwd=in_miniature_folder))
    found = metrics_of(tmp_path / 'two')
    assert found == metrics_of(tmp_path / 'one')
    assert (found['sets']['base']['videos'], found['sets']['novel']['videos']) == (13, 7)


def test_two_processes_test_a_clip_without_prompts(tmp_path, in_miniature_folder):
    running.test(miniature('zero_shot', tmp_path / 'one'))
    config = running.CONFIGS / 'miniature_zero_shot.py'
    finish(start(TEST, config, '', 2, *test_options(tmp_path / 'two'), cwd=in_miniature_folder))
    assert metrics_of(tmp_path / 'two') == metrics_of(tmp_path / 'one')


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
