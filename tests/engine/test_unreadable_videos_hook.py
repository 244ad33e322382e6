"""The hook that names and counts unreadable videos."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from ga2mm.engine import UnreadableVideosHook
from tests.helpers import running
from tests.helpers.videos import make_dataset


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('ga2mm')


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
    summary = '2 training videos cannot be read, others replaced them 6 times: '
    assert f'{summary}{empty}; {missing}' in text
    lost = f'{videos}/damaged.avi: damaged, 18'  # 187 packets, of which 180 can be decoded
    assert f'1 training videos are damaged, frames were sampled from their readable part: {lost}' in text


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
