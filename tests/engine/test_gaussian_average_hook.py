"""GaussianAverageHook: the weighted mean over epochs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ga2mm.engine import read_checkpoint
from ga2mm.engine.gaussian_average_hook import gaussian_weights


class Slope(BaseModel):
    """Learns one number; the loss is that number, so plain SGD lowers it by the rate each step."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=self.weight.sum())


class Nothing(BaseDataset):
    def load_data_list(self):
        return [{}, {}]

    def __getitem__(self, idx):
        return dict(inputs=torch.zeros(1))


def train(work_dir: Path, std: float = 1.0, epochs: int = 4, **options) -> Runner:
    """A run whose number is -2, -4, -6 and -8 at the ends of its epochs."""
    runner = Runner(
        model=Slope(),
        work_dir=str(work_dir),
        train_dataloader=dict(dataset=Nothing(), sampler=dict(type='DefaultSampler'), batch_size=1),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        custom_hooks=[
            dict(type='CheckpointSafetyHook'),
            dict(type='GaussianAverageHook', mean=3, std=std),
        ],
        default_scope='ga2mm',
        experiment_name=f'{work_dir.name}_{len(options)}',
        **options,
    )
    runner.train()
    return runner


def test_a_run_ends_with_the_weighted_mean_of_its_epochs_and_resumes(tmp_path):
    weights = torch.tensor([np.exp(-((epoch - 3) ** 2) / 2) for epoch in (1, 2, 3, 4)])
    expected = float((weights / weights.sum() * torch.tensor([-2.0, -4.0, -6.0, -8.0])).sum())
    runner = train(tmp_path / 'run')
    assert float(runner.model.weight.detach()) == pytest.approx(expected, rel=1e-5)

    def stored(epoch: int, folder: str = 'run') -> float:
        checkpoint = read_checkpoint(tmp_path / folder / f'epoch_{epoch}.pth')
        return float(checkpoint['state_dict']['weight'])

    assert [stored(epoch) for epoch in (1, 2, 3)] == [-2, -4, -6]
    assert stored(4) == pytest.approx(expected, rel=1e-5)
    middle = dict(load_from=str(tmp_path / 'run' / 'epoch_2.pth'), resume=True)
    train(tmp_path / 'resumed', **middle)
    assert stored(4, 'resumed') == stored(4)
    for other in (dict(std=2.0), dict(epochs=5)):
        with pytest.raises(ValueError, match='not averaged by GaussianAverageHook with mean=3, std='):
            train(tmp_path / 'other', **other, **middle)


def test_weights_of_the_epochs_sum_to_one_wherever_the_mean_is():
    for mean in (-1000, 5, 1000):
        weights = gaussian_weights(mean, 1.0, 10)
        assert float(weights.sum()) == pytest.approx(1)
        assert int(weights.argmax()) == min(max(mean - 1, 0), 9)


def test_a_deviation_of_0_is_refused(tmp_path):
    with pytest.raises(ValueError, match='std=0: give a number of epochs above 0'):
        train(tmp_path, std=0)
    with pytest.raises(ValueError, match='std=nan'):
        train(tmp_path, std=float('nan'))
